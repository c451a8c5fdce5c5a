-- Statement text to the name by which a merchant is known: lower case, without the processor in
-- front of it, the words a bank puts around it, dates, references, card and store numbers, the
-- legal form and the country. What nothing is left of keeps its own text.
create or replace function common.normalise_merchant(statement_text text) returns text
language sql immutable parallel safe
set search_path = pg_catalog
as $$
    with steps as (
        select lower(normalize(coalesce(statement_text, ''), nfkc)) as original
    ),
    without_processor as (
        select
            original,
            regexp_replace(
                original,
                '^\s*(paypal|pp|sumup|sq|square|zettle|izettle|iz|stripe|google|ccv|crv|klarna)\s*\*+\s*',
                ''
            ) as name
        from steps
    ),
    without_wording as (
        select
            original,
            regexp_replace(
                name,
                '^\s*((card (payment|purchase|transaction)|contactless( payment)?|purchase|payment|'
                'pos|vis|visa( purchase| debit)?|mastercard|direct debit( payment)?|ddr?|\)\)\)|'
                'standing order|sto?|so|faster payments?( receipt)?|fpo|fpi|bgc|bank giro credit|'
                'bank credit|cr|bill payment|bp|online payment|transfer)'
                '(\s+(to|from|at|by|of))?[\s:*/-]+)+',
                ''
            ) as name
        from without_processor
    ),
    without_dates as (
        select
            original,
            regexp_replace(
                name,
                '\m(on\s+)?\d{1,2}[\s/.-]?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|\d{1,2})[a-z]*'
                '([\s/.-]?\d{2,4})?\M',
                ' ',
                'g'
            ) as name
        from without_wording
    ),
    words as (
        select
            original,
            array(
                select word
                from regexp_split_to_table(
                    regexp_replace(name, '[^[:alnum:]&''.]+', ' ', 'g'), '\s+'
                ) with ordinality as w (word, place)
                where
                    word <> ''
                    -- A number is a store, a card or a reference, but O2 and Beer52 are names.
                    and (word !~ '\d' or (place = 1 and word ~ '^[a-z]+\d{1,2}$'))
                    and word !~ '^[.'']+$'
                    and word not in (
                        'ltd', 'limited', 'plc', 'llp', 'inc', 'gmbh', 'ref', 'mandate',
                        'no', 'gb', 'gbr', 'uk', 'card', 'cd',
                        'bcc', 'bgc', 'clp', 'ddr', 'dpc', 'sto'
                    )
                order by place
            ) as kept
        from without_dates
    )
    select
        coalesce(
            nullif(
                trim(
                    regexp_replace(
                        array_to_string(kept, ' '), '\.(com|co\.uk|co|net|org)\M', '', 'g'
                    )
                ),
                ''
            ),
            trim(regexp_replace(original, '\s+', ' ', 'g'))
        )
    from words
$$;

drop function common.without_place(text[]);
