"""Text that every format and page can show."""

_SYMBOLS = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}  # Unicode's control pictures
_SYMBOLS |= dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)


def visible(value, kept=""):
    """Return a value as text without control characters, which XML, HTML and labels cannot hold.

    They become their symbols; characters that have none, and bytes of a file name that are not UTF-8, become
    U+FFFD. kept: control characters that may stay.

    >>> visible("a\\x07b\\tc"), visible("a\\tb", kept="\\t")
    ('a␇b␉c', 'a\\tb')
    """
    text = str(value)
    if text.isprintable():
        return text
    return text.translate({code: symbol for code, symbol in _SYMBOLS.items() if chr(code) not in kept})
