-- What posts are compared by, so that a new one need not be compared with every text. Grain: one
-- row per post that was compared; a post without a row is due. Derived from the masked text alone.
-- wording, spelling: hashes of its words without and with the gaps, null where it has none.
-- bits and bands: lowest bit and lowest byte of 64 MinHash values, null where it is short.
create table landed.duplicate_sketches (
    post_key ubigint not null,
    wording ubigint,
    spelling ubigint,
    bits ubigint,
    band_00 uinteger,
    band_01 uinteger,
    band_02 uinteger,
    band_03 uinteger,
    band_04 uinteger,
    band_05 uinteger,
    band_06 uinteger,
    band_07 uinteger,
    band_08 uinteger,
    band_09 uinteger,
    band_10 uinteger,
    band_11 uinteger,
    band_12 uinteger,
    band_13 uinteger,
    band_14 uinteger,
    band_15 uinteger
);

-- Marks of the rules before carry no sketches: the next pass finds all of them anew.
delete from landed.duplicate_marks;
update landed.store set duplicates_of = null;
