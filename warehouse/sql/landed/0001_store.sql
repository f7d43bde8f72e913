-- Schemas, and what this file knows of itself.
create schema landed;
create schema staging;
create schema intermediate;

-- The store. Grain: one row. rewrite_due_at: rows were removed, their bytes still stand here.
create table landed.store (
    created_at timestamp not null,
    compression varchar not null,
    rewrite_due_at timestamp
);

-- Migrations. Grain: one row per migration applied. Key: number.
create table landed.migrations (
    number integer not null,
    name varchar not null,
    applied_at timestamp not null
);

-- Models. Grain: one row. digest: of the views and macros in force.
create table landed.models (digest varchar not null);
