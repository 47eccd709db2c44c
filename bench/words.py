"""Times of Russian words, from the text and the times of its phones."""

import functools
import re

import numpy as np

LETTERS = {
    **dict(
        zip(
            "бвгдзклмнпрстф",
            ["b", "v", "g", "d", "z", "k", "l", "m", "n", "p", "r", "s", "t", "f"],
            strict=True,
        )
    ),
    **{"ж": "zh", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "х": "h", "й": "j"},
}
VOICED = dict(zip(["b", "v", "g", "d", "z", "zh"], ["p", "f", "k", "t", "s", "sh"], strict=True))
VOWELS = "аеёиоуыэюя"


def voice_words(text, phones):
    """Return [[start, end, word], ...]: the words of a Russian text, aligned with [[start, end, phone], ...].

    The alignment has the lowest cost: a letter that matches its phone costs nothing, another one of its kind
    (vowel, consonant) 1, and a letter or phone without a partner 1.
    """
    words = re.findall(r"[а-яё]+", text.lower().replace("+", ""))
    letters = [(letter, number) for number, word in enumerate(words) for letter in word]
    cost = np.zeros((len(letters) + 1, len(phones) + 1))
    cost[0], cost[:, 0] = np.arange(len(phones) + 1), np.arange(len(letters) + 1)
    for i, (letter, _) in enumerate(letters, start=1):
        skipped = 0.2 if letter in "ьъ" else 1
        for j, (_, _, phone) in enumerate(phones, start=1):
            both = cost[i - 1, j - 1] + mismatch(letter, phone)
            cost[i, j] = min(both, cost[i - 1, j] + skipped, cost[i, j - 1] + (0.5 if phone == "j" else 1))
    times, i, j = {}, len(letters), len(phones)
    while i and j:
        letter, number = letters[i - 1]
        if cost[i, j] == cost[i - 1, j - 1] + mismatch(letter, phones[j - 1][2]):
            start, end = phones[j - 1][:2]
            times[number] = (start, times.get(number, (start, end))[1])
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + (0.2 if letter in "ьъ" else 1):
            i -= 1
        else:
            j -= 1
    return [[*times[number], words[number]] for number in sorted(times)]


@functools.cache
def mismatch(letter, phone):
    """Return the cost of a phone as a letter's sound: 0, 1, or 3 for a vowel as a consonant."""
    is_vowel = phone[0] in "aeiouy"
    if letter in VOWELS or is_vowel:
        return 0 if letter in VOWELS and is_vowel else 3
    sound = LETTERS.get(letter, letter)
    hard = phone if phone in ("sh", "zh", "ch", "sch") else phone[0]
    return 0 if hard in (sound, VOICED.get(sound)) or VOICED.get(hard) == sound else 1
