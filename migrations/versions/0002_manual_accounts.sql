-- Where accounts are that no provider reads: cash, a bank without an interface.
insert into common.institutions (provider, provider_institution_id, name)
values ('manual', 'manual', 'Not connected');
