"""Texts to broad phones of one inventory for all languages: espeak-ng, or a table of letters."""

import re
import shutil
import subprocess
import unicodedata

from letters import TABLES

VOICES = {
    "ga-ie": "ga",
    "pa-in": "pa",
    "sv-se": "sv",
    "zh-hk": "yue",
    "en": "en-us",
    "fr": "fr-fr",
    "pt": "pt-br",
}
_UNREADABLE = {"cmn"}  # voices whose dictionary has few characters
_VOWELS = "i ɪ e ɛ æ a ɑ ɔ o ʊ u y ø œ ɨ ɯ ə ɐ ã ẽ õ"
_CONSONANTS = (
    "p b t d ʈ ɖ c ɟ k ɡ q ʔ m n ɲ ŋ r ɾ ɹ ʁ f v θ ð s z ʃ ʒ ɕ ç x ɣ ħ ʕ h β ɬ ʋ w j l ʎ ts dz tʃ dʒ"
)
SILENCE = "SIL"
INVENTORY = [SILENCE, *f"{_VOWELS} {_CONSONANTS}".split()]
_NEAREST = (  # sounds outside the inventory
    "r̝̊:ʃ r̝:ʒ nʲ:ɲ lʲ:ʎ ɭʲ:ʎ tɕ:tʃ dʑ:dʒ ts.h:tʃ ts.:tʃ tʂ:tʃ dʐ:dʒ s.:ʃ r.:ɾ t͡s:ts t͡ʃ:tʃ tS:tʃ dZ:dʒ "
    "i̯:j y-:y ʂ:ʃ ʐ:ʒ ʑ:ʒ χ:x ʝ:j ɗ:d ɓ:b ɭ:l ɫ:l ɳ:n ɽ:ɾ ɥ:y ʌ:ɐ ɜ:ɐ ᵻ:ɪ "
    "ʉ:y ʏ:y ɵ:ø ɒ:ɑ ɚ:ə ɝ:ə ɤ:ɯ ɦ:h ʀ:ʁ ɸ:f ɱ:m ʙ:b ɑ̃:ã ɐ̃:ã ɐ̃ʊ̃:ãʊ ʌ̃:ã æ̃:ã "
    "ɛ̃:ẽ ĩ:ẽ ɪ̃:ẽ œ̃:ẽ ɔ̃:õ ũ:õ ʊ̃:õ A:ɑ N:ŋ S:ʃ X:x Z:ʒ g:ɡ "
)
_INDIC = "c:tʃ ɟ:dʒ ʌ:ə"
_OWN = {  # what a voice means by a symbol
    "ru": "y:ɨ ɵ:o",
    "cv": "ɵ:ə",
    "et": "ɵ:ɯ",
    "ky": "oe:ø",
    "yue": "nɡ:ŋ yu:y oe:œ eo:œ aa:a a:ɐ z:ts c:ts ɜ:",
    "vi": "ɜ: e-:ɯ",
    "pt-br": "y:i",
    **dict.fromkeys(("hi", "pa", "as", "or", "bn"), _INDIC),
}


class Replacement:
    """Replaces the longest match of pairs "old:new" in a text, from left to right."""

    def __init__(self, pairs):
        decomposed = (unicodedata.normalize("NFD", pair) for pair in pairs.split())
        self._pairs = dict(pair.rpartition(":")[::2] for pair in reversed(list(decomposed)))
        olds = sorted(self._pairs, key=lambda old: (-len(old.partition("(?")[0]), -len(old)))
        self._pattern = re.compile("|".join(f"({old})" for old in olds))
        self._news = [self._pairs[old] for old in olds]

    def __call__(self, text):
        return self._pattern.sub(lambda match: self._news[match.lastindex - 1], text)


_nearest = Replacement(re.sub(r"\.(?=\w*:)", r"\\.", _NEAREST))
_decomposed = [unicodedata.normalize("NFD", phone) for phone in INVENTORY[1:]]
_split = re.compile("|".join(sorted(_decomposed, key=lambda phone: -len(phone))))


def broad(ipa):
    """Return the phones of the inventory in a word of IPA; repeated ones are one.

    >>> broad("t_ʃˈaːo5")
    ['tʃ', 'a', 'o']
    """
    sounds = _nearest(re.sub(r"[ˈˌː:\d_\^]", "", unicodedata.normalize("NFD", ipa)))
    found = [unicodedata.normalize("NFC", phone) for phone in _split.findall(sounds)]
    return [phone for i, phone in enumerate(found) if i == 0 or phone != found[i - 1]]


def voices():
    """Return the names of the languages that espeak-ng reads."""
    command = [shutil.which("espeak-ng"), "--voices"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603
    return {line.split()[1] for line in lines[1:]} - _UNREADABLE


class Speller:
    """Reads texts of one language as words of phones."""

    def __init__(self, language, known_voices):
        self._table = Replacement(TABLES[language]) if language in TABLES else None
        voice = VOICES.get(language, "cmn" if language.startswith("zh") else language)
        self._voice = voice if voice in known_voices else None
        self._own = Replacement(_OWN[voice]) if voice in _OWN else None
        self.language = language

    def __bool__(self):
        return self._table is not None or self._voice is not None

    def words(self, text):
        """Return [[phone, ...], ...] of a text, a list per word."""
        text = text.replace("’", "'").replace("ʼ", "'").lower()
        ipa = self._by_letters(text) if self._table else self._by_voice(text)
        return [word for word in map(broad, ipa) if word]

    def _by_letters(self, text):
        text = unicodedata.normalize("NFD", text)
        if self.language == "yo":  # its accents are tones
            text = re.sub("[\u0300\u0301\u0304]", "", text.replace("ί", "i").replace("ὸ", "o"))
        return [self._table(word) for word in re.findall(r"[\w\u0300-\u036f\u07a6-\u07b0'-]+", text)]

    def _by_voice(self, text):
        """Return the words of IPA of one process of espeak-ng, so that no text gets the sounds of another."""
        command = [shutil.which("espeak-ng"), "-q", "--ipa", "--sep=_", "-v", self._voice]
        spoken = subprocess.run(command, input=text, capture_output=True, text=True, check=True)  # noqa: S603
        words = re.sub(r"\([\w-]+\)", "", spoken.stdout).split()
        return [self._own(re.sub("[ˈˌ_]", "", word)) if self._own else word for word in words]
