-- Accounts whose posts are hidden: nothing above landed shows them. Grain: one row per platform,
-- author_pseudonym, told_by and labeler. Only of accounts that posts are held of.
-- labeler: pseudonym of the labeler who said so, else empty. hidden_until: when a label expires.
create table landed.hidden_authors (
    platform varchar not null,
    author_pseudonym varchar not null,
    status varchar not null,
    told_by varchar not null,
    labeler varchar not null,
    hidden_since timestamp not null,
    hidden_until timestamp
);

-- What accounts say of the reuse of their posts. Grain: platform, author_pseudonym and wish.
create table landed.author_wishes (
    platform varchar not null,
    author_pseudonym varchar not null,
    wish varchar not null,
    value varchar not null,
    declared_at timestamp,
    observed_at timestamp not null
);

-- Labels of posts. Grain: post_key, label and is_self. Replaced whenever the post is seen.
create table landed.post_labels (
    post_key ubigint not null,
    label varchar not null,
    is_self boolean not null
);
