-- What the last clearing left of the file's blocks. Grain: one row per block that holds nothing but
-- the segments that begin at these offsets, as long as it has this checksum: no byte of rows that
-- went earlier stands between them. A clearing moves what shares a block that is not listed.
create table landed.clean_blocks (
    block_id bigint not null,
    checksum ubigint not null,
    offsets varchar not null
);
