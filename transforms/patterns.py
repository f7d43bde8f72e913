"""Links, addresses, accounts, ids and telephone numbers, and the order in which all are tried."""

from typing import Final

from transforms.births import births
from transforms.grammar import APART, WORD, B, Group, Rule, kept
from transforms.institutions import institutions
from transforms.links import LINK_RULES, REST, SCHEME, START, TAIL
from transforms.masks import SEAL, SEALED, SPARED
from transforms.numbers import network, numbers, wallets
from transforms.streets import addresses, postcodes

DOMAIN: Final = rf"(?:[{WORD}\-{SEALED}]+\.)+"

# Ends of domains that no sentence begins with, and ends that count before a path alone,
# because people forget the blank after a full stop.
ENDS: Final = (
    r"(?:com|org|net|edu|gov|mil|io|dev|xyz|gg|social|onion|example|invalid|(?:co|org|ac|gov|nhs)\.uk"
    r"|(?:com|org|net|edu|gov)\.au|(?:co|org)\.(?:nz|za|jp|in|kr)|com\.(?:br|mx|ar|tr|sg))"
)
ENDS_BEFORE_PATH: Final = (
    r"(?:info|blog|online|site|website|page|link|bio|app|tv|ee|ly|me|co|us|uk|de|fr|es|it|nl|be|ch"
    r"|at|se|no|fi|dk|pl|pt|ie|eu|ca|au|nz|jp|in|br|ru|is|to|so|id|am|fm|la|cc|ai|gl|st|im|sh|ms"
    r"|pro|shop|store|club|live|life|world|space|today|help|care|fund|art|news|video|chat|lol|wtf"
    r"|studio|agency|media|digital|tech|health|support|foundation|works|design|family|love|plus|test)"
)


def _links() -> Group:
    """Links: whole, their category kept; at-uris, which name an account."""
    dotted = rf"[{WORD}]\.(?:{ENDS}{B}|{ENDS_BEFORE_PATH}[/:?#])"
    sorted_links = (
        Rule(rf"(?i){START}{SCHEME}?(?:{pattern})", "${1}" + SEAL[f"LINK:{category}"])
        for category, pattern in LINK_RULES
    )
    return Group(
        trigger=rf"(?i)://|www\.|{dotted}",
        rules=(
            Rule(rf"(?i)at://{REST}", SEAL["HANDLE"]),
            *sorted_links,
            Rule(rf"(?i){SCHEME}{REST}", SEAL["LINK:other"]),
            Rule(rf"(?i){B}www\.{REST}", SEAL["LINK:other"]),
        ),
    )


def _announced() -> Group:
    """Accounts that people announce without an @: `snap: name`, `my insta is name_99`."""
    sites = (
        r"(?:snap(?:chat)?|insta(?:gram)?|ig|kik|telegram|tg|discord|psn|gamertag|xbox|wechat"
        r"|line id|signal|venmo|cash ?app|tik ?tok|twitter|steam|skype|whatsapp|viber|onlyfans"
        r"|facebook|fb)"
    )
    word = r"(?: (?:id|name|user(?:name)?|handle|tag|account|acc))"
    name = rf"@?[0-9A-Za-z_.\-{SEALED}]{{2,30}}[0-9A-Za-z_]"
    marked = r"[A-Za-z.\-]*[0-9_][0-9A-Za-z_.\-]*[0-9A-Za-z_]"
    money = r"\$[a-z][0-9a-z_\-]{2,20}"
    return Group(
        trigger=rf"(?i){B}{sites}{B}|#[0-9]{{4}}{B}",
        rules=(
            Rule(rf"{APART}[0-9A-Za-z_.]{{2,32}}#[0-9]{{4}}{B}", kept("HANDLE")),
            Rule(rf"(?i)({B}{sites}{word}?\s?[:=]\s?){name}", kept("HANDLE")),
            Rule(
                rf"(?i)({B}{sites}{word}?(?:'s| is| me at| me on| me:| -| at)+ ){marked}",
                kept("HANDLE"),
            ),
            Rule(rf"(?i)({B}{sites}{word} is ){name}", kept("HANDLE")),
            Rule(rf"(?i)({B}(?:cash ?app|venmo){B}[^\n$]{{0,20}}){money}", kept("HANDLE")),
            Rule(rf"(?i){APART}{money}( on (?:cash ?app|venmo))", kept("HANDLE") + "${2}"),
        ),
    )


def _domains() -> Group:
    """Links without scheme or `www`; after addresses and handles, which hold domains too."""
    return Group(
        trigger=rf"(?i)\.(?:{ENDS}{B}|{ENDS_BEFORE_PATH}[/:?#])",
        rules=(
            Rule(rf"(?i){START}{DOMAIN}{ENDS}{B}(?::[0-9]+)?(?:{TAIL})?", kept("LINK:other")),
            Rule(rf"(?i){START}{DOMAIN}{ENDS_BEFORE_PATH}(?::[0-9]+)?{TAIL}", kept("LINK:other")),
        ),
    )


def _addresses() -> Group:
    """E-mail: as it is, and written out so that machines should not see it."""
    local = rf"[{WORD}.%+\-{SEALED}]+"
    spoken = rf"{local}(?:\s(?:dot|punkt|punto|underscore|\(dot\)|\[dot\])\s{local}){{0,3}}"
    providers = (
        r"(?:gmail|googlemail|yahoo|hotmail|outlook|icloud|aol|gmx|proton(?:mail)?|yandex|zoho)"
    )
    open_, shut = r"\s?[(\[{<]\s?", r"\s?[)\]}>]\s?"
    at = rf"{open_}(?:at|@){shut}"
    dot = rf"(?:{open_}(?:dot|punkt|point|punto){shut}|\s+dot\s+|\s?\.\s?)"
    return Group(
        trigger=rf"(?i)@|[(\[{{<]\s?at\s?[)\]}}>]|{B}at\s+{providers}{B}",
        rules=(
            # the fediverse's @name@host is one account, and no address behind an @
            Rule(rf"{APART}@{local}@{DOMAIN}[\p{{L}}{SEALED}]{{1,24}}", kept("HANDLE")),
            Rule(rf"{SEAL['HANDLE']}@{DOMAIN}[\p{{L}}{SEALED}]{{1,24}}", SEAL["HANDLE"]),
            Rule(rf"{local}@{DOMAIN}[\p{{L}}{SEALED}]{{1,24}}", SEAL["EMAIL"]),
            Rule(rf"(?i){local}@{providers}{B}", SEAL["EMAIL"]),
            Rule(rf"(?i){spoken}{at}[{WORD}\-]+{dot}[a-z]{{2,10}}{B}", SEAL["EMAIL"]),
            Rule(rf"(?i){spoken}\s+at\s+{providers}{dot}[a-z]{{2,4}}{B}", SEAL["EMAIL"]),
            Rule(rf"(?i){local}\s?@\s?[{WORD}\-]+{open_}dot{shut}[a-z]{{2,10}}{B}", SEAL["EMAIL"]),
        ),
    )


# What people write behind an @ without naming anybody.
_EVERYDAY: Final = (
    r"home|work|school|uni|college|night|everyone|everybody|here|all|me|you|people|god|ss|least"
)


def _accounts() -> Group:
    """Handles and account names in the forms that platforms give them."""
    # Reddit's own texts escape underscores: u/sad\_potato
    name = rf"(?:[0-9A-Za-z_\-{SEALED}]\p{{M}}*|\\[_\-]){{2,}}"
    handle = (
        rf"_*(?:[\p{{L}}{SEALED}]|[0-9]+[\p{{L}}_][{WORD}]{{4}})"
        rf"(?:(?:[{WORD}\p{{M}}.\-{SEALED}]|\\[_\-])*[{WORD}\p{{M}}{SEALED}])?"
    )
    stops = rf"($|[^{WORD}.\-{SEALED}]|[.\-](?:$|\s))"
    return Group(
        trigger=rf"(?i)@|did:[a-z]|\.bsky\.|{B}u/|/user/|{B}r/u\\?_",
        rules=(
            Rule(
                rf"(?i){B}did:[a-z0-9]{{2,12}}:[{WORD}.:%\-{SEALED}]*[{WORD}\-{SEALED}]",
                SEAL["HANDLE"],
            ),
            *[Rule(rf"(?i){APART}@({_EVERYDAY}){stops}", "${1}" + SPARED + "${2}${3}")] * 2,
            Rule(rf"(^|[^{WORD}@])@+{handle}", kept("HANDLE")),
            Rule(rf"(?i)(?:[0-9a-z\-{SEALED}]+\.)+bsky\.(?:social|team){B}", SEAL["HANDLE"]),
            Rule(rf"(?i){APART}(?:/?u/|/user/|/?r/u\\?_){name}", kept("USER")),
        ),
    )


def _ids() -> Group:
    """Ids of posts and accounts, and names that only an account has: sad_otter_77."""
    gap = r"\\?[_\-]"
    return Group(
        trigger=rf"(?i){B}t[1-6]_|bafy|bafk|_[0-9a-z\\_]*[0-9]|throw|-[0-9]{{3}}|[a-z][0-9]+[a-z]"
        r"|[a-z]{8}[0-9]{2}",
        rules=(
            Rule(rf"(?i){B}t[1-6]\\?_[0-9a-z]{{4,10}}{B}", SEAL["ID"]),
            Rule(rf"{B}baf[ky][a-z2-7]{{40,}}{B}", SEAL["ID"]),
            Rule(
                rf"(?i){B}throw{gap}?(?:away|ra)(?:{gap}[0-9a-z_\-]+|[0-9a-z_]*[0-9][0-9a-z_\-]*)",
                SEAL["USER"],
            ),
            Rule(rf"{B}[A-Z][a-z]+{gap}[A-Z][a-z]+(?:{gap})?[0-9]{{3,5}}{B}", SEAL["USER"]),
            Rule(rf"(?i){B}[a-z][0-9a-z]*(?:\\?_[0-9a-z]+)+\\?_[0-9]+{B}", SEAL["USER"]),
            # skimpritsa8221: letters run into digits further than in any version or date
            Rule(rf"(?i){B}[a-z]{{8,24}}[0-9]{{2,6}}{B}", SEAL["USER"]),
            Rule(rf"(?i){B}[a-z]{{3,}}\\?_[0-9a-z]*[0-9]{{3,}}{B}", SEAL["USER"]),
            Rule(rf"(?i){B}[a-z]{{2,}}[0-9]+[a-z]{{2,}}[0-9]+[0-9a-z]*{B}", SEAL["USER"]),
        ),
    )


def _phones() -> Group:
    """Telephone numbers; never years, dates, prices, doses or scores."""
    before = r"(^|[^0-9A-Za-z_$€£¥.,+\-])"
    sign = r"[.\-\x{2010}-\x{2013}]"
    sep = rf"(?:\s|{sign})"
    national = (
        # North America: 555-123-4567, (555) 123-4567, 1-800-555-0100
        r"(?:1[\s.\-])?[2-9][0-9]{2}\s[2-9][0-9]{2}\s[0-9]{4}",
        rf"(?:1{sep}?)?(?:\([2-9][0-9]{{2}}\)\s?|[2-9][0-9]{{2}}{sign})[0-9]{{3}}{sep}[0-9]{{4}}",
        # a leading zero: 020 7946 0018, 01632 960 001, 06 12 34 56 78, 0171/2345678, (0161) 4960000
        rf"0[0-9]{{1,4}}{sep}[0-9]{{3,4}}{sep}[0-9]{{3,4}}",
        rf"0[0-9](?:{sep}[0-9]{{2}}){{4}}",
        rf"0[0-9]{{3,5}}(?:{sep}|/)\s?[0-9]{{5,8}}",
        rf"0[0-9]{{2}}(?:{sep}|/)[0-9]{{7,8}}",
        rf"\(0[0-9]{{1,5}}\)\s?[0-9]{{3,4}}{sep}?[0-9]{{3,5}}",
        rf"0[58]00{sep}[0-9]{{3,4}}(?:{sep}[0-9]{{2,4}})?",
        r"[0-9]{10,19}",
    )
    asked = r"call|text|phone|tel|ring|whatsapp|cell|mobile|fax|sms"
    return Group(
        trigger=r"[0-9][0-9()\s.\-/\x{2010}-\x{2013}]{5,}[0-9]",
        rules=(
            Rule(
                rf"(^|[^{WORD}+])(?:\+|00[1-9])\s?\(?[0-9]{{1,3}}\)?"
                rf"(?:[\s().\-/\x{{2010}}-\x{{2013}}]{{0,3}}[0-9]){{6,13}}{B}",
                kept("PHONE"),
            ),
            Rule(rf"{before}(?:{'|'.join(national)}){B}", kept("PHONE")),
            Rule(
                rf"(?i)({B}(?:{asked}){B}[^{WORD}\n]{{1,4}})[0-9]{{3}}{sep}[0-9]{{4}}{B}",
                kept("PHONE"),
            ),
        ),
    )


# Between the two, numbers with check digits, which a telephone's pattern would take.
BEFORE: Final = (_links(), _addresses(), _announced(), _accounts(), _domains())
AFTER: Final = (
    wallets(), births(), institutions(), addresses(), postcodes(), numbers(), network(),
    _phones(), _ids(),
)  # fmt: skip
GROUPS: Final = (*BEFORE, *AFTER)
