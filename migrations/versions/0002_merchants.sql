create extension if not exists pg_trgm schema public;

-- The words of a statement without the place at their end: a town, or what stands between a store's
-- number and a country. What a shop is called is not where it stands, but "University of Reading" is.
create function common.without_place(words text[]) returns text[]
language plpgsql immutable parallel safe
as $$
declare
    places constant text[] := array[
        'aberdeen', 'aberystwyth', 'aldershot', 'altrincham', 'amsterdam', 'andover', 'antwerp', 'ashford',
        'aylesbury', 'ayr', 'banbury', 'bangor', 'barcelona', 'barking', 'barnet', 'barnsley', 'barnstaple',
        'barrow', 'barry', 'basildon', 'basingstoke', 'batley', 'bedford', 'belfast', 'berlin', 'beverley',
        'bexhill', 'bexley', 'birkenhead', 'birmingham', 'blackburn', 'blackpool', 'bletchley', 'bodmin',
        'bognor regis', 'bolton', 'bordeaux', 'boston', 'bournemouth', 'bracknell', 'bradford', 'braintree',
        'brentwood', 'bridgend', 'bridgwater', 'brighton', 'bristol', 'brixton', 'bromley', 'brussels',
        'burnley', 'burton upon trent', 'bury', 'bury st edmunds', 'caernarfon', 'camberley', 'cambridge',
        'camden', 'cannock', 'canterbury', 'cardiff', 'carlisle', 'carmarthen', 'castleford', 'chatham',
        'chelmsford', 'cheltenham', 'chester', 'chesterfield', 'chicago', 'chichester', 'chippenham',
        'chorley', 'clacton', 'cleethorpes', 'colchester', 'cologne', 'copenhagen', 'corby', 'cork',
        'coventry', 'crawley', 'crewe', 'croydon', 'cwmbran', 'dagenham', 'darlington', 'dartford', 'derby',
        'dewsbury', 'didcot', 'doncaster', 'dorchester', 'dorking', 'dover', 'dublin', 'dudley', 'dumfries',
        'dundee', 'dunfermline', 'durham', 'ealing', 'east kilbride', 'eastbourne', 'eastleigh',
        'ebbw vale', 'edinburgh', 'ely', 'enfield', 'epsom', 'evesham', 'exeter', 'falkirk', 'falmouth',
        'fareham', 'farnborough', 'farnham', 'felixstowe', 'folkestone', 'frankfurt', 'galway', 'gateshead',
        'gatwick', 'geneva', 'gillingham', 'glasgow', 'gloucester', 'gosport', 'grantham', 'gravesend',
        'great yarmouth', 'greenock', 'greenwich', 'grimsby', 'guildford', 'hackney', 'halesowen',
        'halifax', 'hamburg', 'hamilton', 'hammersmith', 'harlow', 'harrogate', 'harrow', 'hartlepool',
        'hastings', 'hatfield', 'havant', 'heathrow', 'helsinki', 'hemel hempstead', 'hereford', 'hertford',
        'high wycombe', 'hinckley', 'hitchin', 'hong kong', 'horsham', 'hounslow', 'hove', 'huddersfield',
        'hull', 'huntingdon', 'ilford', 'inverness', 'ipswich', 'islington', 'keighley', 'kendal',
        'kettering', 'kidderminster', 'kilmarnock', 'kings lynn', 'kingston upon thames', 'kirkcaldy',
        'lancaster', 'leamington spa', 'leatherhead', 'leeds', 'leicester', 'leigh', 'lewes', 'lewisham',
        'lichfield', 'limerick', 'lincoln', 'lisbon', 'lisburn', 'liverpool', 'livingston', 'llandudno',
        'llanelli', 'london', 'londonderry', 'los angeles', 'los gatos', 'loughborough', 'lowestoft',
        'luton', 'luxembourg', 'lyon', 'macclesfield', 'madrid', 'maidenhead', 'maidstone', 'malvern',
        'manchester', 'mansfield', 'margate', 'marseille', 'melbourne', 'merthyr tydfil', 'middlesbrough',
        'milan', 'milton keynes', 'morecambe', 'motherwell', 'mountain view', 'munich', 'neath', 'new york',
        'newark', 'newbury', 'newcastle', 'newcastle upon tyne', 'newport', 'newquay', 'newry',
        'newton abbot', 'northampton', 'norwich', 'nottingham', 'nuneaton', 'oldham', 'orpington', 'oslo',
        'oswestry', 'oxford', 'paddington', 'paisley', 'paris', 'penzance', 'perth', 'peterborough',
        'plymouth', 'pontefract', 'pontypridd', 'poole', 'port talbot', 'porto', 'portsmouth', 'prague',
        'preston', 'ramsgate', 'reading', 'redditch', 'redhill', 'redruth', 'reigate', 'rhyl', 'richmond',
        'rochdale', 'rochester', 'rome', 'romford', 'rotherham', 'rotterdam', 'rugby', 'runcorn', 'salford',
        'salisbury', 'san francisco', 'san jose', 'scarborough', 'scunthorpe', 'seattle', 'sevenoaks',
        'sheffield', 'shoreditch', 'shrewsbury', 'singapore', 'sittingbourne', 'skegness', 'slough',
        'solihull', 'southampton', 'southend', 'southport', 'southwark', 'st albans', 'st helens',
        'stafford', 'staines', 'stevenage', 'stirling', 'stockholm', 'stockport', 'stockton',
        'stoke on trent', 'stourbridge', 'stratford', 'stroud', 'sunderland', 'sutton', 'sutton coldfield',
        'swansea', 'swindon', 'sydney', 'tallinn', 'tamworth', 'taunton', 'telford', 'tonbridge', 'toronto',
        'torquay', 'truro', 'tunbridge wells', 'twickenham', 'uxbridge', 'valencia', 'vancouver', 'vienna',
        'vilnius', 'wakefield', 'wallasey', 'walsall', 'warrington', 'warsaw', 'warwick', 'watford',
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
    rest text[] := words;
    before text[];
    last int;
    length int;
    names_country boolean;
begin
    -- Where a purchase was made may follow where the shop says it is.
    loop
        length := cardinality(rest);
        names_country := length > 1 and rest[length] = any (countries);
        last := length - names_country::int;
        -- A postcode, or a number.
        while last > 1 and rest[last] ~ '\d' loop
            last := last - 1;
        end loop;
        before := rest;
        for tail in reverse 4..1 loop
            if
                last > tail
                and array_to_string(rest[last - tail + 1:last], ' ') = any (places)
                and rest[last - tail] <> all (part_of_a_name)
            then
                rest := rest[:last - tail];
                exit;
            end if;
        end loop;
        exit when rest = before;
    end loop;
    if names_country then
        for tail in 0..3 loop
            if length - tail > 2 and rest[length - tail - 1] ~ '^\d{3,}$' then
                return rest[:length - tail - 2];
            end if;
        end loop;
        if rest[length - 1] ~ '\d' then
            return rest[:length - 1];
        end if;
    end if;
    return rest;
end
$$;

-- Statement text to the name by which a merchant is known: lower case, without the words a bank puts
-- around it, the processor in front of it, dates, references, card and store numbers, the legal form,
-- the town and the country. What nothing is left of keeps its own text.
create or replace function common.normalise_merchant(statement_text text) returns text
language sql immutable parallel safe
set search_path = pg_catalog
as $$
    with steps as (
        select lower(normalize(coalesce(statement_text, ''), nfkc)) as original
    ),
    without_dates as (
        select
            original,
            regexp_replace(
                regexp_replace(original, '\.(com|co\.uk|co|net|org)\M', '', 'g'),
                '\m(on\s+)?\d{1,2}('
                '[\s/.-]?(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|'
                'oct(ober)?|nov(ember)?|dec(ember)?)|[\s/.-]\d{1,2})([\s/.-]?\d{2,4})?\M'
                -- A date that the bank had no room for.
                '|\mon\s+\d{1,2}(\s[a-z]{1,2})?\s*$',
                ' ',
                'g'
            ) as name
        from steps
    ),
    without_beginning as (
        select
            original,
            regexp_replace(
                name,
                '^(\s*('
                '(card (payment|purchase|transaction)|contactless( payment)?|purchase|payment|'
                'pos|vis|visa( purchase| debit)?|mastercard|direct debit( payment)?|ddr?|'
                'standing order|sto|faster payments?( receipt)?|fpo|fpi|bgc|bank giro credit|'
                'bank credit|bill payment|online payment|transfer|cash withdrawal|atm)'
                '(\s+(to|from|at|by|of))?[\s:*/-]+|'
                '(bp|cr|so|st)(\s+(to|from)\s+|:\s*)|'
                '(paypal|pp|sumup|sq|square|zettle|izettle|iz|stripe|google|ccv|crv|klarna|paddle|'
                'mollie|adyen|worldpay|gocardless|gc|cko|dlo|fs|lsp|nya|nyx|sp|tst|2co)\s*\*+\s*|'
                '\)\)\)|\d+[\s,;:]+|[,;:]))+',
                ''
            ) as name
        from without_dates
    ),
    without_end as (
        select
            original,
            regexp_replace(
                regexp_replace(
                    regexp_replace(name, '(?<=[[:alnum:]])\W+ref(erence)?\M.*$', ''),
                    '\mvia (mobile|online)( banking)?(\W+(pymt|payment|transfer|xfer))?\M',
                    ' '
                ),
                '(?<=[[:alnum:]])(\W+(bac|bbp|bcc|bdc|bgc|clp|cpm|ddr|dpc|fp|fpi|fpo|sto|tfr)\M[\s,;\d]*)+$',
                ''
            ) as name
        from without_beginning
    ),
    words as materialized (
        select
            original,
            common.without_place(
                regexp_split_to_array(
                    trim(regexp_replace(name, '[^[:alnum:]&''.]+', ' ', 'g')), '\s+'
                )
            ) as words
        from without_end
    ),
    kept as materialized (
        select
            original,
            array_to_string(words, ' ') as rest,
            array(
                select word
                from unnest(words) with ordinality as w (word, place)
                where
                    word <> ''
                    -- A number is a store, a card or a reference, but O2, Microsoft365 and 99p are names.
                    and (
                        word !~ '\d'
                        or (
                            place = 1
                            and word ~ '^([[:alpha:]]+\d{1,2}|[[:alpha:]]{4,}\d{3}|\d{2,3}[[:alpha:]]+)$'
                        )
                    )
                    and word !~ '^[.'']+$'
                    and rtrim(word, '.') not in (
                        'ltd', 'limited', 'plc', 'llp', 'inc', 'gmbh', 'ref', 'mandate'
                    )
                    and (place = 1 or word not in ('com', 'gb', 'gbr', 'uk'))
                    -- Card Factory is a shop.
                    and (word not in ('no', 'card', 'cd') or coalesce(words[place + 1], '') !~ '^\d')
                order by place
            ) as names
        from words
    )
    select
        coalesce(
            nullif(
                array_to_string(
                    case
                        -- So Energy and BP are firms, and these are what banks write before others.
                        when original ~ '^\s*(bp|cr|so)\s' and cardinality(names) > 2 then names[2:]
                        else names
                    end,
                    ' '
                ),
                ''
            ),
            -- Better a reference than another name for each town.
            case when rest ~ '[[:alpha:]]' then rest end,
            trim(regexp_replace(original, '\s+', ' ', 'g'))
        )
    from kept
$$;

-- Every row gets its merchant under the new name with the next sync.
update gocardless.bank_accounts set projected_through = null;
