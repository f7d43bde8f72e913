-- Difference of weighted means within each cluster and cell, then averaged over clusters.
-- Columns of tbl: cluster, cell, grp, y, w.
create or replace macro est_paired(tbl) as table
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
            cluster,
            cell,
            sum(w) filter (where grp = 1) as s1,
            sum(w) filter (where grp = 0) as s0,
            sum(w * y) filter (where grp = 1) as t1,
            sum(w * y) filter (where grp = 0) as t0,
            sum(w) as sw,
            sum(w * w) as sww,
            count(*) as n
        from d
        group by cluster, cell
    ),

    k as (
        select
            cluster,
            n,
            sw,
            sww,
            least(s1, s0) as kw,
            t1 / s1 - t0 / s0 as diff
        from c
        where s1 > 0 and s0 > 0
    ),

    e as (
        select
            sum(kw * diff) / sum(kw) as est,
            sum(kw) as kt,
            coalesce(sum(n), 0) as n,
            pow(sum(sw), 2) / sum(sww) as n_eff,
            count(*) as cells
        from k
    ),

    u as (
        select
            k.cluster,
            sum(k.kw * (k.diff - e.est)) / any_value(e.kt) as u
        from k
        cross join e
        group by k.cluster
    )

    select
        any_value(e.est) as est,
        sqrt(count(u.cluster) / nullif(count(u.cluster) - 1.0, 0) * sum(u.u * u.u)) as se,
        cast(any_value(e.n) as bigint) as n,
        any_value(e.n_eff) as n_eff,
        any_value(e.cells) as cells,
        count(u.cluster) as clusters
    from e
    left join u on true;
