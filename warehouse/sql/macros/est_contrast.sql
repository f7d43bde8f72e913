-- Difference of weighted means, group 1 less group 0, within cells that hold both; a cell counts
-- as much as its smaller group. Columns of tbl: cluster, cell, grp, y, w.
-- se: each cluster left out in turn, and with it the cells that then lack a group.
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

    part as (
        select
            cluster,
            cell,
            count(*) filter (where grp = 1) as n1,
            count(*) filter (where grp = 0) as n0,
            coalesce(sum(w) filter (where grp = 1), 0) as s1,
            coalesce(sum(w) filter (where grp = 0), 0) as s0,
            coalesce(sum(w * y) filter (where grp = 1), 0) as t1,
            coalesce(sum(w * y) filter (where grp = 0), 0) as t0,
            sum(w * w) as sww
        from d
        group by cluster, cell
    ),

    whole as (
        select
            cell,
            sum(n1) as n1,
            sum(n0) as n0,
            sum(s1) as s1,
            sum(s0) as s0,
            sum(t1) as t1,
            sum(t0) as t0,
            least(sum(s1), sum(s0)) as kw,
            sum(t1) / sum(s1) - sum(t0) / sum(s0) as diff
        from part
        group by cell
        having sum(n1) > 0 and sum(n0) > 0
    ),

    tot as (
        select
            sum(kw * diff) / sum(kw) as est,
            sum(kw) as kw,
            sum(kw * diff) as kwd,
            count(*) as cells
        from whole
    ),

    less as (
        select
            part.cluster,
            part.n1 + part.n0 as n,
            part.s1 + part.s0 as sw,
            part.sww,
            whole.kw,
            whole.diff,
            whole.kw * (part.s1 / whole.s1 + part.s0 / whole.s0) as held,
            case
                when whole.n1 > part.n1 and whole.n0 > part.n0
                    then least(whole.s1 - part.s1, whole.s0 - part.s0)
                else 0
            end as kw_less,
            case
                when whole.n1 > part.n1 and whole.n0 > part.n0
                    then
                        (whole.t1 - part.t1) / (whole.s1 - part.s1)
                        - (whole.t0 - part.t0) / (whole.s0 - part.s0)
                else 0
            end as diff_less
        from part
        inner join whole on part.cell = whole.cell
    ),

    g as (
        select
            cluster,
            sum(n) as n,
            sum(sw) as sw,
            sum(sww) as sww,
            sum(held) as held,
            sum(kw_less - kw) as kw,
            sum(kw_less * diff_less - kw * diff) as kwd
        from less
        group by cluster
    ),

    size as (
        select
            cast(coalesce(sum(n), 0) as bigint) as n,
            pow(sum(sw), 2) / sum(sww) as n_eff,
            count(*) as clusters,
            pow(sum(held), 2) / sum(held * held) - 1 as df
        from g
    ),

    apart as (
        select
            case when tot.kw + g.kw > 1e-9 * tot.kw then (tot.kwd + g.kwd) / (tot.kw + g.kw) end
            - tot.est as shift
        from g
        cross join tot
    )

    select
        any_value(tot.est) as est,
        left_out_se(apart.shift) as se,
        any_value(size.n) as n,
        any_value(size.n_eff) as n_eff,
        any_value(tot.cells) as cells,
        any_value(size.clusters) as clusters,
        any_value(size.df) as df
    from tot
    cross join size
    left join apart on true;
