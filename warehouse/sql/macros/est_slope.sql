-- Weighted slope of y on x within cells. Columns of tbl: cluster, cell, x, y, w.
-- se: each cluster left out in turn. x and y are centred first, so that sums keep their digits.
create or replace macro est_slope(tbl) as table
    with raw as (
        select
            cluster,
            cell,
            cast(x as double) as x,
            cast(y as double) as y,
            cast(w as double) as w
        from query_table(tbl)
        where
            cluster is not null
            and y is not null
            and x is not null
            and cell is not null
            and w > 0
    ),

    mid as (
        select
            avg(x) as mx,
            avg(y) as my
        from raw
    ),

    part as (
        select
            raw.cluster,
            raw.cell,
            count(*) as n,
            sum(raw.w) as sw,
            sum(raw.w * raw.w) as sww,
            sum(raw.w * (raw.x - mid.mx)) as sx,
            sum(raw.w * (raw.y - mid.my)) as sy,
            sum(raw.w * (raw.x - mid.mx) * (raw.x - mid.mx)) as sxx,
            sum(raw.w * (raw.x - mid.mx) * (raw.y - mid.my)) as sxy
        from raw
        cross join mid
        group by raw.cluster, raw.cell
    ),

    whole as (
        select
            cell,
            sum(n) as n,
            sum(sw) as sw,
            sum(sx) as sx,
            sum(sy) as sy,
            sum(sxx) as sxx,
            sum(sxy) as sxy,
            greatest(sum(sxx) - sum(sx) * sum(sx) / sum(sw), 0) as xx,
            sum(sxy) - sum(sx) * sum(sy) / sum(sw) as xy
        from part
        group by cell
        having sum(n) > 1
    ),

    tot as (
        select
            case when sum(xx) > 1e-12 * sum(sxx) then sum(xy) / sum(xx) end as est,
            sum(xx) as xx,
            sum(xy) as xy,
            count(*) as cells
        from whole
    ),

    less as (
        select
            part.cluster,
            part.n,
            part.sw,
            part.sww,
            whole.xx,
            whole.xy,
            case
                when whole.n - part.n > 1
                    then
                        whole.sxx - part.sxx
                        - pow(whole.sx - part.sx, 2) / (whole.sw - part.sw)
                else 0
            end as xx_less,
            case
                when whole.n - part.n > 1
                    then
                        whole.sxy - part.sxy
                        - (whole.sx - part.sx) * (whole.sy - part.sy) / (whole.sw - part.sw)
                else 0
            end as xy_less
        from part
        inner join whole on part.cell = whole.cell
    ),

    g as (
        select
            cluster,
            sum(n) as n,
            sum(sw) as sw,
            sum(sww) as sww,
            sum(xx_less - xx) as xx,
            sum(xy_less - xy) as xy
        from less
        group by cluster
    ),

    size as (
        select
            cast(coalesce(sum(n), 0) as bigint) as n,
            pow(sum(sw), 2) / sum(sww) as n_eff,
            count(*) as clusters,
            pow(sum(xx), 2) / nullif(sum(xx * xx), 0) - 1 as df
        from g
    ),

    apart as (
        select
            case when tot.xx + g.xx > 1e-9 * tot.xx then (tot.xy + g.xy) / (tot.xx + g.xx) end
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
