-- Wordings that ask to be carried further: calls to act, names of the feed, hooks, trend tags.
create or replace macro reach_devices() as
[
    '(like|comment|share|repost|save|follow)( this| and | if | a | for )',
    '(watch|wait|stay|read|keep reading) (for|to|until|till) the end',
    '(the|this) (algorithm|feed|app) ',
    'part (two|2) (is|in|on)',
    'swipe (to|for)',
    '#(fyp|foryou|foryoupage|viral|trending|storytime|explore)',
    '(what|the way) (he|she|they) (said|did) next'
];
