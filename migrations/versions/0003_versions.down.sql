-- Before, a row of an answer was a transaction of its own. The last versions stay.
delete from gocardless.transactions as r
where
    r.refusal is null
    and not exists (
        select
        from common.transactions as t
        where t.raw_table = 'gocardless.transactions' and t.raw_id = r.id
    );

update common.transactions as t
set source_key = case when r.is_pending then 'pending:' else 'booked:' end || r.identity_key
from gocardless.transactions as r
where t.raw_table = 'gocardless.transactions' and t.raw_id = r.id;
