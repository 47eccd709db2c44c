"""The names of the figures of units, which pipes and gates rely on, in the order they are reported."""

UNIT_FIGURES = (
    "pnmi",
    "phone_purity",
    "cluster_purity",
    "abx_within",
    "abx_across",
    "abx_within_features",
    "abx_across_features",
    "boundary_precision",
    "boundary_recall",
    "boundary_f1",
    "boundary_os",
    "boundary_r",
    "mapped_precision",
    "mapped_recall",
    "mapped_f1",
    "mapped_os",
    "mapped_r",
    "per",
    "entropy",
    "bigram_entropy",
    "bitrate",
    "compression",
    "mean_run",
    "short_runs",
    "dead_units",
)
# Labels that are not phones: silence, noise, and speech whose phones are not known. Kaldi, MFA and HTK write
# SIL, sil, SP, sp, SPN, spn, NSN and <eps>; TIMIT h#, pau and epi; Festival pau and #; SPPAS #; MAUS <p:>,
# <nib> and <usb>; DoReCo <p:> and ****; MaryTTS and espeak _; Julius silB and silE; NeMo <b>.
SILENCE = (
    *("SIL", "sil", "<SIL>", "<sil>", "SP", "sp", "SPN", "spn", "NSN", "<eps>", "pau", "h#", "epi", "#", "_"),
    *("<p:>", "<nib>", "<usb>", "****", "silB", "silE", "<b>"),
)
