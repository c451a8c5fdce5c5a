create extension if not exists pg_trgm schema public;

-- The words of a statement without the place at their end: a town, or what stands between a store's
-- number and a country. What a shop is called is not where it stands, but "University of Reading" is.
create function common.without_place(words text[]) returns text[]
language plpgsql immutable parallel safe
set search_path = pg_catalog
as $$
declare
    places constant text[] := array[
        'aberdeen', 'aberystwyth', 'aldershot', 'altrincham', 'amsterdam', 'andover', 'antwerp', 'ashford',
        'aylesbury', 'ayr', 'bangor', 'banbury', 'barcelona', 'barking', 'barnet', 'barnsley',
        'barnstaple', 'barrow', 'barry', 'basildon', 'basingstoke', 'batley', 'bedford', 'belfast',
        'berlin', 'beverley', 'bexhill', 'bexley', 'birkenhead', 'birmingham', 'blackburn', 'blackpool',
        'bletchley', 'bodmin', 'bognor regis', 'bolton', 'bordeaux', 'boston', 'bournemouth', 'bracknell',
        'bradford', 'braintree', 'brentwood', 'bridgend', 'bridgwater', 'brighton', 'bristol', 'brixton',
        'bromley', 'brussels', 'burnley', 'burton upon trent', 'bury', 'bury st edmunds', 'caernarfon',
        'camberley', 'cambridge', 'camden', 'cannock', 'canterbury', 'cardiff', 'carlisle', 'carmarthen',
        'castleford', 'chatham', 'chelmsford', 'cheltenham', 'chester', 'chesterfield', 'chichester',
        'chippenham', 'chorley', 'clacton', 'cleethorpes', 'colchester', 'cologne', 'copenhagen',
        'corby', 'cork', 'coventry', 'crawley', 'crewe', 'croydon', 'cwmbran', 'dagenham', 'darlington',
        'dartford', 'derby', 'dewsbury', 'didcot', 'doncaster', 'dorchester', 'dorking', 'dover',
        'dublin', 'dudley', 'dumfries', 'dundee', 'dunfermline', 'durham', 'ealing', 'eastbourne',
        'east kilbride', 'eastleigh', 'ebbw vale', 'edinburgh', 'ely', 'enfield', 'epsom', 'evesham',
        'exeter', 'falkirk', 'falmouth', 'fareham', 'farnborough', 'farnham', 'felixstowe', 'folkestone',
        'frankfurt', 'galway', 'gateshead', 'gatwick', 'gillingham', 'glasgow', 'gloucester', 'gosport',
        'grantham', 'gravesend', 'great yarmouth', 'greenock', 'greenwich', 'grimsby', 'guildford',
        'hackney', 'halesowen', 'halifax', 'hamburg', 'hamilton', 'hammersmith', 'harlow', 'harrogate',
        'harrow', 'hartlepool', 'hastings', 'hatfield', 'havant', 'heathrow', 'hemel hempstead',
        'hereford', 'hertford', 'high wycombe', 'hinckley', 'hitchin', 'horsham', 'hounslow', 'hove',
        'huddersfield', 'hull', 'huntingdon', 'ilford', 'inverness', 'ipswich', 'islington', 'keighley',
        'kendal', 'kettering', 'kidderminster', 'kilmarnock', 'kings lynn', 'kingston upon thames',
        'kirkcaldy', 'lancaster', 'leamington spa', 'leatherhead', 'leeds', 'leicester', 'leigh',
        'lewes', 'lewisham', 'lichfield', 'limerick', 'lincoln', 'lisbon', 'lisburn', 'liverpool',
        'livingston', 'llandudno', 'llanelli', 'london', 'londonderry', 'loughborough', 'lowestoft',
        'luton', 'luxembourg', 'lyon', 'macclesfield', 'madrid', 'maidenhead', 'maidstone', 'malvern',
        'manchester', 'mansfield', 'margate', 'marseille', 'merthyr tydfil', 'middlesbrough', 'milan',
        'milton keynes', 'morecambe', 'motherwell', 'munich', 'neath', 'newark', 'newbury',
        'newcastle', 'newcastle upon tyne', 'newport', 'newquay', 'newry', 'newton abbot', 'northampton',
        'norwich', 'nottingham', 'nuneaton', 'oldham', 'orpington', 'oslo', 'oswestry', 'oxford',
        'paddington', 'paisley', 'paris', 'penzance', 'new york', 'perth', 'peterborough', 'plymouth', 'pontefract',
        'pontypridd', 'poole', 'port talbot', 'porto', 'portsmouth', 'prague', 'preston', 'ramsgate',
        'reading', 'redditch', 'redhill', 'redruth', 'reigate', 'rhyl', 'richmond', 'rochdale',
        'rochester', 'rome', 'romford', 'rotherham', 'rotterdam', 'rugby', 'runcorn', 'salford',
        'salisbury', 'scarborough', 'scunthorpe', 'sevenoaks', 'sheffield', 'shoreditch', 'shrewsbury',
        'sittingbourne', 'skegness', 'slough', 'solihull', 'southampton', 'southend', 'southport',
        'southwark', 'stafford', 'staines', 'st albans', 'stevenage', 'st helens', 'stirling',
        'stockholm', 'stockport', 'stockton', 'stoke on trent', 'stourbridge', 'stratford', 'stroud',
        'sunderland', 'sutton', 'sutton coldfield', 'swansea', 'swindon', 'tamworth', 'taunton',
        'telford', 'tonbridge', 'torquay', 'truro', 'tunbridge wells', 'twickenham', 'uxbridge',
        'valencia', 'vienna', 'wakefield', 'wallasey', 'walsall', 'warrington', 'warwick', 'watford',
        'wellingborough', 'welwyn garden city', 'west bromwich', 'westminster', 'weston super mare',
        'weymouth', 'whitby', 'whitehaven', 'widnes', 'wigan', 'wimbledon', 'winchester', 'windsor',
        'woking', 'wokingham', 'wolverhampton', 'woolwich', 'worcester', 'workington', 'worksop',
        'worthing', 'wrexham', 'yeovil', 'york', 'zurich'
    ];
    countries constant text[] := array[
        'gb', 'gbr', 'uk', 'ie', 'irl', 'fr', 'fra', 'de', 'deu', 'es', 'esp', 'it', 'ita', 'nl', 'nld',
        'us', 'usa', 'lu', 'lux', 'pt', 'prt', 'be', 'bel', 'se', 'swe', 'dk', 'dnk', 'at', 'aut'
    ];
    part_of_a_name constant text[] := array[
        'of', 'the', 'for', 'in', 'at', 'to', 'and', '&', 'de', 'la', 'new', 'north', 'south', 'east',
        'west', 'great', 'little', 'upper', 'lower', 'royal', 'greater'
    ];
    length int := cardinality(words);
    names_country boolean := length > 1 and words[length] = any (countries);
    last int := length - names_country::int;
begin
    for tail in reverse 4..1 loop
        if
            last > tail
            and array_to_string(words[last - tail + 1:last], ' ') = any (places)
            and words[last - tail] <> all (part_of_a_name)
        then
            return words[:last - tail];
        end if;
    end loop;
    if names_country then
        for tail in 1..3 loop
            if last - tail > 1 and words[last - tail] ~ '^\d{3,}$' then
                return words[:last - tail - 1];
            end if;
        end loop;
    end if;
    return words;
end
$$;

-- Statement text to the name by which a merchant is known: lower case, without the processor in
-- front of it, the words a bank puts around it, dates, references, card and store numbers, the
-- legal form, the town and the country. What nothing is left of keeps its own text.
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
                '\m(on\s+)?\d{1,2}([\s/.-]?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*'
                '|[\s/.-]\d{1,2})([\s/.-]?\d{2,4})?\M',
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
                from unnest(
                    common.without_place(
                        regexp_split_to_array(
                            trim(regexp_replace(name, '[^[:alnum:]&''.]+', ' ', 'g')), '\s+'
                        )
                    )
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

-- Every row gets its merchant under the new name with the next sync.
update gocardless.bank_accounts set projected_through = null;
