"""How letters sound in languages that espeak-ng lacks or reads badly, in broad strokes.

TABLES: language: pairs "letters:sounds"; letters are a regular expression, and sounds are IPA, or nothing.
The longest letters win. A sign in no pair stands for itself if it is a sound, and is otherwise left out.
"""

_LATIN = "g:ɡ y:j j:dʒ c:tʃ "
_CYRILLIC = (
    "а:a б:b в:v г:ɡ д:d е:e ё:jo ж:ʒ з:z и:i й:j к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:x ц:ts ч:tʃ "
    "ш:ʃ щ:ʃ ы:ɨ э:e ю:ju я:ja ь: ъ: "
)
_ROMANSH = (
    "tsch:tʃ sch:ʃ tg:tɕ gli:ʎ gl(?![aeou]):ʎ gn:ɲ gh:ɡ c(?=[ei]):ts g(?=[ei]):dʒ qu:kw z:ts c:k g:ɡ h: y:i "
    "ü:y ö:ø j:j x:ks à:a è:ɛ é:e ì:i ò:ɔ s(?=[ptc]):ʃ "
)

TABLES = {
    "yo": "gb:b ọn(?![aeiouọẹ]):õ an(?![aeiouọẹ]):ã ẹn(?![aeiouọẹ]):ẽ in(?![aeiouọẹ]):ẽ un(?![aeiouọẹ]):õ "
    "ọ:ɔ ẹ:ɛ ṣ:ʃ p:p r:ɾ " + _LATIN,
    "rw": "shy:ç sh:ʃ ny:ɲ cy:c jy:ɟ ng:ŋɡ nk:ŋk ts:ts pf:pf b:β j:ʒ r:ɾ " + _LATIN,
    "lg": "ng':ŋ ŋ:ŋ ny:ɲ ng:ŋɡ nk:ŋk ky:tʃ gy:dʒ ki:tʃi gi:dʒi r:l " + _LATIN,
    "br": "c'h:x ch:ʃ gn:ɲ ilh:ʎ lh:ʎ añ:ã iñ:ẽ eñ:ẽ oñ:õ uñ:õ aou:ɔu ou:u eu:ø zh:z u:y ù:y û:y ê:ɛ e:ɛ ñ: "
    "j:ʒ " + _LATIN,
    "fy-nl": "tsj:tʃ sj:ʃ ch:x sch:sx ng:ŋ oe:u ie:iə oa:oə ea:ɪə uo:uə eu:ø ij:ɛi ei:ɛi ui:œi au:au ou:ɔu "
    "aa:a oo:o ee:e uu:y û:u ú:y â:ɔ ê:ɛ ô:ɔ e(?=(?:n|r|l|s|t)?(?![a-zâêôûú])):ə e:ɛ o:ɔ i:ɪ y:i u:ø "
    "g(?=[aeiouâêôûú]):ɡ g:ɣ j:j c:k ",
    "hsb": "dź:dʒ ch:x š:ʃ č:tʃ ž:ʒ ć:tʃ ź:ʒ ř:ʃ ě:ɪ ł:w ń:ɲ ó:ʊ c:ts y:ɨ j:j e:ɛ o:ɔ "
    "w(?=[rlbcdghpstz]): g:ɡ",
    "kab": "č:tʃ ḍ:d ḥ:ħ ɛ:ʕ ε:ʕ ԑ:ʕ ɣ:ʁ γ:ʁ ǧ:dʒ ṛ:r ṣ:s ṭ:t ẓ:z c:ʃ j:ʒ x:x tt:t t:θ dd:d d:ð bb:b b:β e:ə "
    + _LATIN,
    "rm-sursilv": "ch:k " + _ROMANSH,
    "rm-vallader": "s-ch:ʃtɕ ch:tɕ " + _ROMANSH,
    "sah": "дь:dʒ нь:ɲ ль:ʎ ҕ:ʁ һ:h ҥ:ŋ ө:ø ү:y а:ɑ э:ɛ е:ɛ ы:ɯ о:ɔ р:ɾ " + _CYRILLIC,
    "mn": "н(?!\\w):ŋ ж:dʒ з:dz л:ɬ в:w у:ʊ ү:u ө:o о:ɔ ы:i е:je " + _CYRILLIC,
    "ab": "шь:ʃ жь:ʒ џь:dʒ џ:dʒ ә: ҩ:w ҳ:ħ ҭ:t ԥ:p ҟ:q қ:k ҵ:ts ҷ:tʃ ӡ:dz ҿ:tʃ ҽ:tʃ ӷ:ɣ ы:ə у(?=[аы]):w "
    + _CYRILLIC,
    "cnh": "ch:tʃ kh:k ph:p th:t hr:r hl:ɬ hm:m hn:n ng:ŋ aw:ɔ ṭ:ʈ tl:tl h(?!\\w):ʔ c:ts g:ɡ y:j",
    "mt": "għ: ċ:tʃ ġ:dʒ ħ:ħ ħh:ħ ie:iə h(?!\\w):ħ h: j:j q:ʔ x:ʃ ż:z z:ts g:ɡ à:a ì:i è:e ò:o ù:u "
    "e:ɛ o:ɔ i:ɪ",
    "dv": "އް:ʔ ށް:ʔ ހ:h ށ:ʃ ނ:n ރ:r ބ:b ޅ:l ކ:k އ: ވ:v މ:m ފ:f ދ:d ތ:t ލ:l ގ:ɡ ޏ:ɲ ސ:s ޑ:ɖ ޒ:z ޓ:ʈ ޔ:j "
    "ޕ:p ޖ:dʒ ޗ:tʃ ޝ:ʃ ޤ:k ޚ:x ޙ:h ޢ: ޞ:s ޣ:ɣ ަ:a ާ:a ި:i ީ:i ު:u ޫ:u ެ:e ޭ:e ޮ:o ޯ:o ް:",
}
