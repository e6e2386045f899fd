"""A locale: how a language writes numbers and money in a country. Words are English everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from babel import Locale

USUAL = (
    "en_US", "en_GB", "en_AU", "en_CA", "en_IE", "en_IN", "en_NZ", "en_SG", "en_ZA", "de_DE", "de_AT", "de_CH",
    "fr_FR", "fr_BE", "fr_CA", "fr_CH", "es_ES", "es_AR", "es_CL", "es_CO", "es_MX", "it_IT", "it_CH", "pt_BR",
    "pt_PT", "nl_NL", "nl_BE", "da_DK", "nb_NO", "sv_SE", "fi_FI", "is_IS", "pl_PL", "cs_CZ", "sk_SK", "hu_HU",
    "ro_RO", "bg_BG", "hr_HR", "sl_SI", "et_EE", "lv_LV", "lt_LT", "el_GR", "uk_UA", "tr_TR", "he_IL", "ar_AE",
    "ar_EG", "hi_IN", "ja_JP", "ko_KR", "zh_Hans_CN", "zh_Hant_HK", "zh_Hant_TW", "th_TH", "vi_VN", "id_ID", "ms_MY",
    "fil_PH",
)  # fmt: skip
"""What is offered. Any other that Babel knows works too; to know a thousand of them takes a hundred megabytes."""


@dataclass(frozen=True)
class Named:
    """A locale's name in English, such as `German (Germany)`, and in its own language: `Deutsch (Deutschland)`."""

    english: str
    own: str


@cache
def usual() -> Mapping[str, Named]:
    """Give what is offered with its names. The first time, the data of every one is read, which takes 0.1 s of work."""
    return {name: named(name) for name in USUAL}


@cache
def named(locale: str) -> Named:
    """Name a locale."""
    known = Locale.parse(locale)
    return Named(known.get_display_name("en") or locale, known.get_display_name() or locale)
