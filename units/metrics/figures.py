"""The figures of merit: what each is called, what it means, and which direction is better."""

from dataclasses import dataclass


def written(value, decimals):
    """Return a number with a fixed number of decimals as text; a dash for None, and never a negative zero.

    >>> written(5.218, 2), written(-0.001, 1)
    ('5.22', '0.0')
    """
    return "\u2013" if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}"


@dataclass(frozen=True)
class Figure:
    """A figure of merit: its label and meaning, and how its values are written.

    better: 1 if higher is better, -1 if lower is, 0 if neither.
    """

    label: str
    meaning: str
    better: int = 0
    decimals: int = 3

    def write(self, value):
        """Return the value of the figure as text."""
        return written(value, self.decimals)

    @property
    def direction(self):
        """Return which way is better: an arrow and words, ("", "") if neither.

        >>> Figure("MCD, dB", "mel-cepstral distortion", -1).direction
        ('↓', 'lower is better')
        """
        return {1: ("\u2191", "higher is better"), -1: ("\u2193", "lower is better")}.get(
            self.better, ("", "")
        )


SPEECH = {
    "log_mel": Figure("Log-mel distance", "mean difference of log mel spectra, 80 bands", -1),
    "mcd": Figure("MCD, dB", "mel-cepstral distortion, frame by frame", -1, 2),
    "mcd_dtw": Figure("MCD with DTW, dB", "mel-cepstral distortion along the best alignment", -1, 2),
    "f0_rmse_hz": Figure("F0 RMSE, Hz", "error of pitch in frames where both are voiced", -1, 1),
    "f0_rmse_cents": Figure(
        "F0 RMSE, cents", "error of pitch on a musical scale: 100 cents are a semitone", -1, 0
    ),
    "f0_corr": Figure("F0 correlation", "agreement of the two melodies", 1),
    "vde": Figure("Voicing decision error", "share of frames that are voiced in only one of the two", -1),
    "gpe": Figure("Gross pitch error", "share of voiced frames whose pitch is off by more than 20 %", -1),
    "stoi": Figure("STOI", "short-time objective intelligibility", 1),
    "estoi": Figure("ESTOI", "intelligibility, also in fluctuating noise", 1),
    "pesq": Figure("PESQ-wb", "perceived quality, 1 to 4.6", 1, 2),
    "mos": Figure("MOS", "naturalness as a network predicts it, without the reference, 1 to 5", 1, 2),
    "comb_db": Figure("Comb, dB", "spectral lines at the frame rate above their neighbours: a buzz", -1, 1),
    "uer": Figure("Unit error rate", "units that change when the resynthesis is encoded again", -1),
    "rtf": Figure("Real-time factor", "seconds of computing per second of speech", -1),
}
UNITS = {
    "pnmi": Figure("PNMI", "share of the information about the phone that the unit carries", 1),
    "phone_purity": Figure("Phone purity", "frames that have the most frequent phone of their unit", 1),
    "cluster_purity": Figure("Cluster purity", "frames that have the most frequent unit of their phone", 1),
    "abx_within": Figure("ABX within speakers", "triphones confused with another, one speaker", -1),
    "abx_across": Figure("ABX across speakers", "triphones confused with another, two speakers", -1),
    "abx_within_features": Figure("ABX of features within", "ABX of the frames before clustering", -1),
    "abx_across_features": Figure("ABX of features across", "ABX of the frames before clustering", -1),
    "boundary_precision": Figure("Boundary precision", "changes of unit that are phone boundaries", 1),
    "boundary_recall": Figure("Boundary recall", "phone boundaries at which the unit changes", 1),
    "boundary_f1": Figure("Boundary F1", "harmonic mean of precision and recall", 1),
    "boundary_os": Figure("Over-segmentation", "changes in excess of the number of boundaries; 0 is best"),
    "boundary_r": Figure("Boundary R-value", "like F1, but cutting everywhere does not improve it", 1),
    "mapped_precision": Figure("Precision, mapped", "for units mapped to their best phones", 1),
    "mapped_recall": Figure("Recall, mapped", "for units mapped to their best phones", 1),
    "mapped_f1": Figure("F1, mapped", "for units mapped to their best phones", 1),
    "mapped_os": Figure("Over-segmentation, mapped", "for units mapped to their best phones"),
    "mapped_r": Figure("R-value, mapped", "for units mapped to their best phones", 1),
    "per": Figure("Phone error rate", "for units mapped to their best phones", -1),
    "entropy": Figure("Entropy, bits", "information per unit", 0, 2),
    "bigram_entropy": Figure("Bigram entropy, bits", "information per unit if the one before is known", 0, 2),
    "bitrate": Figure("Bit rate, bit/s", "of all frames at that entropy", 0, 0),
    "compression": Figure("Compression", "ratio of the bit rate of 16-bit PCM to this one", 0, 0),
    "mean_run": Figure("Mean run, frames", "how long a unit lasts", 0, 2),
    "short_runs": Figure("Short runs", "share of runs of one frame: flicker", -1),
    "dead_units": Figure("Dead units", "units of the codebook that never occur", -1, 0),
}
