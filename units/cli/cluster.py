"""su-cluster: frames of a corpus to a codebook."""

import json

import click

from units.cli.options import output_option, records_argument, seed_option, settings
from units.cli.tool import tool
from units.config import ClusterConfig
from units.records import InputError, optional, require, warn


@tool("su-cluster")
@records_argument("features")
@settings(ClusterConfig)
@click.option(
    "--weight-by-speaker", is_flag=True, help="Let all speakers weigh the same, however long they speak."
)
@seed_option
@output_option("The codebook (.npz)", required=True)
def main(job, features, weight_by_speaker, output, seed, config):
    """Find the centroids of a corpus's frames; say inertia and perplexity on stdout."""
    from units.codebook.codebook import save_codebook
    from units.codebook.kmeans import fit
    from units.codebook.sampling import Reservoir, speaker_weights
    from units.files.output import create

    sample = Reservoir(config.max_frames, seed, config.context)
    encoder = _fill(sample, job, features, weight_by_speaker)
    weights = speaker_weights(sample.speakers()) if weight_by_speaker else None
    if weight_by_speaker and (lost := sample.unheard()):
        warn(f"{lost} speaker{'s'[: lost > 1]} of the corpus has no frame in the sample; raise --max-frames")
    book, report = fit(sample.frames(), config, seed, encoder, weights)
    with create(output) as out:
        save_codebook(book, out)
    click.echo(json.dumps({"codebook": book.hash, "encoder": book.encoder, "seen": sample.seen, **report}))


def _fill(sample, job, paths, with_speakers):
    """Add the frames of all records to the sample; return the encoder, of which there may be only one."""
    from units.files.streams import features_of

    encoder, speakers = None, {}
    for record in job.records(paths):
        with job.item(record):
            name = optional(record, "encoder", "")
            encoder = name if encoder is None else encoder
            if name != encoder:
                raise InputError(f"frames of {name or 'no named encoder'} after some of {encoder or 'none'}")
            speaker = require(record, "speaker") if with_speakers else ""
            sample.add(features_of(record), speakers.setdefault(speaker, len(speakers)))
    return encoder or ""
