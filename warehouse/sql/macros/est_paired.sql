-- Difference of weighted means within each cluster and cell, then averaged over clusters.
-- Columns of tbl: cluster, cell, grp, y, w. se: each cluster left out in turn.
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

    g as (
        select
            cluster,
            count(*) as cells,
            sum(n) as n,
            sum(sw) as sw,
            sum(sww) as sww,
            sum(least(s1, s0)) as kw,
            sum(least(s1, s0) * (t1 / s1 - t0 / s0)) as kwd
        from c
        where s1 > 0 and s0 > 0
        group by cluster
    ),

    tot as (
        select
            sum(kwd) / sum(kw) as est,
            cast(coalesce(sum(n), 0) as bigint) as n,
            pow(sum(sw), 2) / sum(sww) as n_eff,
            cast(coalesce(sum(cells), 0) as bigint) as cells,
            count(*) as clusters,
            pow(sum(kw), 2) / sum(kw * kw) - 1 as df,
            sum(kw) as kw,
            sum(kwd) as kwd
        from g
    ),

    apart as (
        select (tot.kwd - g.kwd) / nullif(tot.kw - g.kw, 0) - tot.est as shift
        from g
        cross join tot
    )

    select
        any_value(tot.est) as est,
        left_out_se(apart.shift) as se,
        any_value(tot.n) as n,
        any_value(tot.n_eff) as n_eff,
        any_value(tot.cells) as cells,
        any_value(tot.clusters) as clusters,
        any_value(tot.df) as df
    from tot
    left join apart on true;
