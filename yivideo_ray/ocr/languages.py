"""Which languages a recognition model can read, by its characters: who says what language a video's subtitles are in is
told before any work if the model lacks its letters.

The letters are those of Unicode's CLDR (main exemplar characters); of scripts with very many, some that no text does
without. Letters from a to z go without saying.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from yivideo_ray.config import OcrSettings, Settings
from yivideo_ray.errors import ConfigError
from yivideo_ray.ocr.embedded import characters_of
from yivideo_ray.ocr.models import EMBEDDED

__all__ = ["READ", "UNREAD", "Language", "language_named", "missing_letters", "require_letters", "require_readable"]

READ = "Chinese, Japanese, and nearly all European languages in Latin letters"
UNREAD = "Korean, Vietnamese, Greek, Russian and others in Cyrillic letters, Arabic, Hebrew, Thai, Hindi and the like"
"""What the embedded model reads and what it doesn't, in words; a test holds both to its characters."""

_SHOWN = 8

_SCRIPTS: Mapping[str, str] = {
    "Hans": "这们来说对时会国过么",
    "Hant": "這們來說對時會國過麼",
    "Jpan": "あいうえおかきくけこがぱアイウエオカキクケコガパ人日本語",
    "Kore": "가나다라마바사아자차카타파하은을이었습니까",
    "Cyrl": "абвгдежзийклмнопрстуфхцчшщьюя",
    "Grek": "αάβγδεέζηήθιίκλμνξοόπρσςτυύφχψωώ",
    "Arab": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hebr": "אבגדהוזחטיכלמנסעפצקרשתםןץףך",
    "Thai": "กขคงจชซญดตถทนบปผพฟมยรลวสหอะาิีุูเแโไ่้",
    "Deva": "कखगघचछजटडणतथदधनपबभमयरलवशसहािीुूेोंः",
    "Beng": "কখগঘচছজটডণতথদধনপবভমযরলশসহািীুূেোং",
    "Taml": "கஙசஞடணதநபமயரலவழளறனாிீுூெேொ",
    "Telu": "కఖగఘచజటడణతదనపబమయరలవశసహాిీుూెేొ",
    "Knda": "ಕಖಗಘಚಜಟಡಣತದನಪಬಮಯರಲವಶಸಹಾಿೀುೂೆೇೊ",
    "Mlym": "കഖഗചജടഡണതദനപബമയരലവശസഹാിീുൂെേൊ",
    "Gujr": "કખગઘચછજટડણતથદધનપબભમયરલવશસહાિીુૂેોં",
    "Guru": "ਕਖਗਘਚਛਜਟਡਣਤਥਦਧਨਪਬਭਮਯਰਲਵਸਹਾਿੀੁੂੇੋੰ",
    "Sinh": "කගචජටඩණතදනපබමයරලවසහාිීුූෙො",
    "Khmr": "កខគងចឆជញដតថទនបផពមយរលវសហអាិីុូេោ",
    "Laoo": "ກຂຄງຈຊຍດຕຖທນບປຜພຟມຢຣລວສຫອະາິີ",
    "Mymr": "ကခဂငစဆဇညတထဒနပဖဗမယရလဝသဟအာိီုူေ",
    "Geor": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "Armn": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "Ethi": "ሀለሐመሰረሸቀበተቸነኘአከወዘየደጀገጠጨፀፈ",
    "Latn": "",
}
_LATIN: Mapping[str, tuple[str, str]] = {
    "af": ("Afrikaans", "áâèéêëîïôöúû"),
    "az": ("Azerbaijani", "çəğıöşü"),
    "bs": ("Bosnian", "čćđšž"),
    "ca": ("Catalan", "àçèéíïòóúü"),
    "cs": ("Czech", "áčďéěíňóřšťúůýž"),
    "cy": ("Welsh", "áâéêëîïôöûŵŷ"),
    "da": ("Danish", "åæéø"),
    "de": ("German", "äöüß"),
    "en": ("English", ""),
    "eo": ("Esperanto", "ĉĝĥĵŝŭ"),
    "es": ("Spanish", "áéíñóúü"),
    "et": ("Estonian", "äõöüšž"),
    "eu": ("Basque", "çñ"),
    "fi": ("Finnish", "äöå"),
    "fil": ("Filipino", "áéíñóú"),
    "fo": ("Faroese", "áæðíóøúý"),
    "fr": ("French", "àâæçéèêëîïôœùûüÿ"),
    "ga": ("Irish", "áéíóú"),
    "gl": ("Galician", "áéíñóúü"),
    "hr": ("Croatian", "čćđšž"),
    "hu": ("Hungarian", "áéíóöőúüű"),
    "id": ("Indonesian", ""),
    "is": ("Icelandic", "áæðéíóöþúý"),
    "it": ("Italian", "àèéìòóù"),
    "la": ("Latin", ""),
    "lb": ("Luxembourgish", "äéë"),
    "lt": ("Lithuanian", "ąčęėįšųūž"),
    "lv": ("Latvian", "āčēģīķļņšūž"),
    "ms": ("Malay", ""),
    "mt": ("Maltese", "àċèġħìòùż"),
    "nb": ("Norwegian", "åæéø"),
    "nl": ("Dutch", "áéëíïóöúü"),
    "nn": ("Norwegian", "åæéø"),
    "no": ("Norwegian", "åæéø"),
    "pl": ("Polish", "ąćęłńóśźż"),
    "pt": ("Portuguese", "àáâãçéêíóôõú"),
    "ro": ("Romanian", "ăâîșț"),
    "sk": ("Slovak", "áäčďéíĺľňóôŕšťúýž"),
    "sl": ("Slovenian", "čšž"),
    "sq": ("Albanian", "çë"),
    "sv": ("Swedish", "åäéö"),
    "sw": ("Swahili", ""),
    "tr": ("Turkish", "çğıiöşü"),
    "uz": ("Uzbek", ""),
    "vi": ("Vietnamese", "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"),
    "yo": ("Yoruba", "ẹọṣ"),
}
_OTHERS: Mapping[str, tuple[str, str]] = {
    "am": ("Amharic", "Ethi"),
    "ar": ("Arabic", "Arab"),
    "be": ("Belarusian", "Cyrl"),
    "bg": ("Bulgarian", "Cyrl"),
    "bn": ("Bengali", "Beng"),
    "cmn": ("Chinese", "Hans"),
    "el": ("Greek", "Grek"),
    "fa": ("Persian", "Arab"),
    "gu": ("Gujarati", "Gujr"),
    "he": ("Hebrew", "Hebr"),
    "hi": ("Hindi", "Deva"),
    "hy": ("Armenian", "Armn"),
    "ja": ("Japanese", "Jpan"),
    "ka": ("Georgian", "Geor"),
    "kk": ("Kazakh", "Cyrl"),
    "km": ("Khmer", "Khmr"),
    "kn": ("Kannada", "Knda"),
    "ko": ("Korean", "Kore"),
    "ky": ("Kyrgyz", "Cyrl"),
    "lo": ("Lao", "Laoo"),
    "mk": ("Macedonian", "Cyrl"),
    "ml": ("Malayalam", "Mlym"),
    "mn": ("Mongolian", "Cyrl"),
    "mr": ("Marathi", "Deva"),
    "my": ("Burmese", "Mymr"),
    "ne": ("Nepali", "Deva"),
    "pa": ("Punjabi", "Guru"),
    "ps": ("Pashto", "Arab"),
    "ru": ("Russian", "Cyrl"),
    "si": ("Sinhala", "Sinh"),
    "sr": ("Serbian", "Cyrl"),
    "ta": ("Tamil", "Taml"),
    "te": ("Telugu", "Telu"),
    "th": ("Thai", "Thai"),
    "uk": ("Ukrainian", "Cyrl"),
    "ur": ("Urdu", "Arab"),
    "yi": ("Yiddish", "Hebr"),
    "yue": ("Cantonese", "Hant"),
    "zh": ("Chinese", "Hans"),
}
# Where a country says which characters a language is written in.
_BY_COUNTRY = {"TW": "Hant", "HK": "Hant", "MO": "Hant"}


@dataclass(frozen=True, slots=True)
class Language:
    """A language, by its English name, and letters that its texts hold."""

    name: str
    letters: str


def language_named(code: str) -> Language:
    """Returns the language that a BCP 47 code names; its script is the one named, else the usual one.

    Errors: ConfigError CONFIG_INVALID for a code that begins with none of the known ones, with the nearest known.
    """
    primary, *rest = code.split("-")
    # What follows a single letter is an extension, or private.
    subtags = list(takewhile(lambda tag: len(tag) > 1, rest))
    primary = primary.lower()
    known = {**_LATIN, **_OTHERS}
    if primary not in known:
        near = difflib.get_close_matches(primary, known, n=1, cutoff=0.0)
        raise ConfigError(
            f"{code!r} is no language that yivideo knows the letters of; did you mean {near[0]} ({known[near[0]][0]})?",
            remedy=f"The known ones are {', '.join(sorted(known))}.",
        )
    name, found = known[primary]
    script = next((tag.title() for tag in subtags if tag.title() in _SCRIPTS), None)
    if primary in ("zh", "cmn") and script is None:
        script = next((_BY_COUNTRY[tag.upper()] for tag in subtags if tag.upper() in _BY_COUNTRY), None)
    if script is not None and not (script == "Latn" and primary in _LATIN):
        return Language(name, _SCRIPTS[script])
    return Language(name, found if primary in _LATIN else _SCRIPTS[found])


def missing_letters(language: Language, characters: Iterable[str]) -> str:
    """Returns those of a language's letters that are not among the characters that a model knows."""
    has = set(characters)
    return "".join(letter for letter in language.letters if letter not in has)


def require_readable(settings: Settings) -> None:
    """Does nothing if the recognition model has all letters of the language that the subtitles are said to be in, or
    none is said, or the model is yet to be fetched: then the engine asks when it has it.

    Errors: those of require_letters; ModelError if the model isn't there.
    """
    ocr = settings.ocr
    if ocr.language is None:
        return
    characters = None if ocr.engine == "scripted" else characters_of(ocr)
    if characters is None:
        language_named(ocr.language)
    else:
        require_letters(ocr, characters)


def require_letters(ocr: OcrSettings, characters: Sequence[str]) -> None:
    """Does nothing if no language is said, or all of its letters are among the model's characters.

    Errors: ConfigError LANGUAGE_UNREADABLE that says what is missing and what is read, CONFIG_INVALID for a language
    that is not known.
    """
    if ocr.language is None:
        return
    language = language_named(ocr.language)
    missing = missing_letters(language, characters)
    if not missing:
        return
    shown, rest = missing[:_SHOWN], len(missing) - _SHOWN
    raise ConfigError(
        f"The recognition model can't read {language.name}: it lacks {', '.join(shown)}"
        + (f" and {rest} more of its letters." if rest > 0 else ".")
        + (f" It reads {READ}." if ocr.recognition_model == EMBEDDED else ""),
        code="LANGUAGE_UNREADABLE",
        language=ocr.language,
    )
