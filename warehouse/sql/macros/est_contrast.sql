-- Difference of weighted means, group 1 less group 0, within cells that hold both.
-- Columns of tbl: cluster, cell, grp, y, w.
create or replace macro est_contrast(tbl) as table
    with d as (
        select
            cluster,
            cell,
            cast(grp as integer) as grp,
            cast(y as double) as y,
            cast(w as double) as w
        from query_table(tbl)
        where
            cluster is not null
            and y is not null
            and grp is not null
            and cell is not null
            and w > 0
    ),

    c as (
        select
            cell,
            grp,
            sum(w) as sw,
            sum(w * y) / sum(w) as m
        from d
        group by cell, grp
    ),

    k as (
        select
            cell,
            min(sw) as kw
        from c
        group by cell
        having count(*) = 2
    ),

    tot as (select sum(kw) as kt from k),

    e as (
        select sum(k.kw * (case when c.grp = 1 then c.m else -c.m end)) / any_value(tot.kt) as est
        from c
        inner join k on c.cell = k.cell
        cross join tot
    ),

    used as (
        select
            d.cluster,
            d.w,
            k.kw
            / tot.kt
            * d.w
            / c.sw
            * (d.y - c.m)
            * (case when d.grp = 1 then 1 else -1 end) as part
        from d
        inner join c on d.cell = c.cell and d.grp = c.grp
        inner join k on d.cell = k.cell
        cross join tot
    ),

    u as (
        select
            cluster,
            sum(part) as u
        from used
        group by cluster
    )

    select
        any_value(e.est) as est,
        sqrt(count(u.cluster) / nullif(count(u.cluster) - 1.0, 0) * sum(u.u * u.u)) as se,
        (select count(*) from used) as n,
        (select pow(sum(used.w), 2) / sum(used.w * used.w) from used) as n_eff,
        (select count(*) from k) as cells,
        count(u.cluster) as clusters
    from e
    left join u on true;
