-- A ledger as the release before left it: three booked rows and a pending one, of one account.

insert into auth.users (id, name, password_hash) values ('10000000-0000-4000-8000-000000000001', 'ann', 'not a hash');

insert into common.institutions (id, provider, provider_institution_id, name) values
    ('00000002-0000-4000-8000-000000000001', 'gocardless', 'BANK', 'Bank');

insert into gocardless.requisitions (
    id, user_id, institution_id, reference, status, link, payload, content_hash, first_seen_at,
    first_seen_run_id, changed_at, changed_run_id
) values (
    '00000003-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'BANK', 'r', 'LN', 'http://127.0.0.1/', '{}', '', '2026-03-11T09:00Z', 'run-1',
    '2026-03-11T09:00Z', 'run-1'
);

insert into common.connections (
    id, user_id, institution_id, provider, provider_connection_id, status
) values ('00000004-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000002-0000-4000-8000-000000000001', 'gocardless', '00000003-0000-4000-8000-000000000001', 'active');

insert into common.accounts (
    id, user_id, institution_id, account_number, currency, account_type, category, name
) values ('00000005-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000002-0000-4000-8000-000000000001', 'GB1', 'GBP', 'bank', 'bank_account', 'Current');

insert into gocardless.bank_accounts (
    id, user_id, requisition_id, provider_account_id, account_number, currency, name, is_card,
    transactions_through, projected_through, payload, content_hash, first_seen_at,
    first_seen_run_id, changed_at, changed_run_id
) values (
    '00000006-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000003-0000-4000-8000-000000000001', '00000007-0000-4000-8000-000000000001', 'GB1', 'GBP', 'Current', false,
    '2026-03-11', '2026-03-11T09:00Z', '{}', '', '2026-03-11T09:00Z',
    'run-1', '2026-03-11T09:00Z', 'run-1'
);

insert into common.account_links (
    user_id, account_id, connection_id, provider, provider_account_id
) values ('10000000-0000-4000-8000-000000000001', '00000005-0000-4000-8000-000000000001', '00000004-0000-4000-8000-000000000001', 'gocardless', '00000007-0000-4000-8000-000000000001');

insert into gocardless.transactions (
    id, user_id, bank_account_id, is_pending, identity_key, internal_transaction_id, amount, currency,
    booking_date, counterparty_name, payload, content_hash, first_seen_at, first_seen_run_id,
    changed_at, changed_run_id
) values
    (
        '00000021-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000006-0000-4000-8000-000000000001', false, 'content:4b0c:1', null, -3.50, 'GBP',
        '2026-03-10', 'COFFEE',
        '{"transactionAmount": {"amount": "-3.50", "currency": "GBP"}, "bookingDate": "2026-03-10", "creditorName": "COFFEE"}',
        '\x4f1f4d7c80d7c667f6671e1db5f58bad098e7934cbdd812a42d053d0137fc1ad',
        '2026-03-11T09:00Z', 'run-1', '2026-03-11T09:00Z', 'run-1'
    ),
    (
        '00000022-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000006-0000-4000-8000-000000000001', false, 'content:4b0c:2', null, -3.50, 'GBP',
        '2026-03-10', 'COFFEE',
        '{"transactionAmount": {"amount": "-3.50", "currency": "GBP"}, "bookingDate": "2026-03-10", "creditorName": "COFFEE"}',
        '\x4f1f4d7c80d7c667f6671e1db5f58bad098e7934cbdd812a42d053d0137fc1ad',
        '2026-03-11T09:00Z', 'run-1', '2026-03-11T09:00Z', 'run-1'
    ),
    (
        '00000023-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000006-0000-4000-8000-000000000001', false, 'id:a', 'a', -20.00, 'GBP',
        '2026-03-10', 'PRET A MANGER',
        '{"transactionAmount": {"amount": "-20.00", "currency": "GBP"}, "bookingDate": "2026-03-10", "creditorName": "PRET A MANGER", "internalTransactionId": "a"}',
        '\xfb5063e75743f934ec83812f07850a636ab02c355cd52e5e1e9c5f8ba044fda6',
        '2026-03-11T09:00Z', 'run-1', '2026-03-11T09:00Z', 'run-1'
    ),
    (
        '00000024-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000006-0000-4000-8000-000000000001', true, 'content:91fe:1', null, -8.00, 'GBP',
        '2026-03-10', 'TAXI',
        '{"transactionAmount": {"amount": "-8.00", "currency": "GBP"}, "bookingDate": "2026-03-10", "creditorName": "TAXI"}',
        '\x4ca1f4b75fd743cff39f604df5c3414245152a077fa4651b110ddbdcf287fac5',
        '2026-03-11T09:00Z', 'run-1', '2026-03-11T09:00Z', 'run-1'
    );

insert into common.transactions (
    id, user_id, account_id, source_key, status, amount, currency,
    booking_date, counterparty_name, kind, user_note, raw_table, raw_id, first_seen_at
) values
    (
        '00000031-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000005-0000-4000-8000-000000000001', 'booked:content:4b0c:1', 'booked', -3.50, 'GBP',
        '2026-03-10', 'COFFEE', 'payment', 'kept', 'gocardless.transactions', '00000021-0000-4000-8000-000000000001', '2026-03-11T09:00Z'
    ),
    (
        '00000032-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000005-0000-4000-8000-000000000001', 'booked:content:4b0c:2', 'booked', -3.50, 'GBP',
        '2026-03-10', 'COFFEE', 'payment', null, 'gocardless.transactions', '00000022-0000-4000-8000-000000000001', '2026-03-11T09:00Z'
    ),
    (
        '00000033-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000005-0000-4000-8000-000000000001', 'booked:id:a', 'booked', -20.00, 'GBP',
        '2026-03-10', 'PRET A MANGER', 'payment', null, 'gocardless.transactions', '00000023-0000-4000-8000-000000000001', '2026-03-11T09:00Z'
    ),
    (
        '00000034-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '00000005-0000-4000-8000-000000000001', 'pending:content:91fe:1', 'pending', -8.00, 'GBP',
        '2026-03-10', 'TAXI', 'payment', 'kept', 'gocardless.transactions', '00000024-0000-4000-8000-000000000001', '2026-03-11T09:00Z'
    );
