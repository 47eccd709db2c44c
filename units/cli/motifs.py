"""su-bpe motifs: the pieces that recur, as records, as clips and as a page."""

from units.cli import patterns
from units.cli.options import output_option, records_argument, settings, top_option
from units.cli.tool import tool
from units.config import MotifConfig


@tool("motifs")
@records_argument("units")
@patterns.model_option
@patterns.keep_runs_option
@top_option("motifs")
@settings(MotifConfig)
@patterns.clips_option
@patterns.page_option
@patterns.examples_option
@output_option("Records of the motifs")
def motifs(job, units, model, keep_runs, top, config, clips, html, examples, output):
    """Write the pieces of two or more units that recur, best first, with all their occurrences."""
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.patterns.bpe import load_model
    from units.patterns.motifs import describe_motif, find_motifs

    model, same = load_model(model), SameCodebook()
    patterns.check_examples(("--clips", clips), ("--html", html))
    most = top or patterns.PAGE
    with (
        create(output) as out,
        patterns.open_page(html, "Motifs", units, model.hash, most, examples) as page,
    ):
        recordings = patterns.read_recordings(job, units, same, keep_runs, needs_audio=clips or html)
        same.report()
        pieces = [model.encode(recording.units) for recording in recordings]
        found = find_motifs(recordings, pieces, model, config.min_count, config.ranking)[:top]
        patterns.write_patterns(
            found,
            lambda rank, motif: describe_motif(motif, recordings),
            recordings,
            out,
            page,
            lambda rank, motif: f"{rank:04d}-{motif.piece}",
            clips,
            examples,
        )
