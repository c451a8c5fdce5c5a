delete from common.accounts where institution_id in (
    select id from common.institutions where provider = 'manual'
);
delete from common.institutions where provider = 'manual';
