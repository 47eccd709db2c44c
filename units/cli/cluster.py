"""su-cluster: frames of a corpus to a codebook."""

import json

import click

from units.cli import output_option, records_argument, seed_option, tool
from units.config import ClusterConfig
from units.records import InputError, require

DEFAULT = ClusterConfig()


@tool("su-cluster")
@records_argument("features")
@click.option(
    "-k", "--clusters", "k", type=click.IntRange(2, 20000), default=DEFAULT.k, help="Number of units."
)
@click.option(
    "--max-frames",
    type=click.IntRange(min=2),
    default=DEFAULT.max_frames,
    help="Frames sampled uniformly over the corpus; memory is 4 bytes a frame and dimension, twice.",
)
@click.option("--niter", type=click.IntRange(1, 1000), default=DEFAULT.niter, help="k-means iterations.")
@click.option(
    "--nredo", type=click.IntRange(1, 100), default=DEFAULT.nredo, help="Restarts; the best is kept."
)
@click.option("--normalize/--no-normalize", default=DEFAULT.normalize, help="z-score each dimension first.")
@seed_option
@output_option("The codebook (.npz).", required=True)
def main(job, features, output, seed, **settings):
    """Find the centroids of a corpus's frames; say inertia and perplexity on stdout."""
    from units.cluster import Reservoir, fit, save_codebook
    from units.streams import create, features_of

    config = ClusterConfig(**settings)
    sample, encoder = Reservoir(config.max_frames, seed), None
    for record in job.records(features):
        with job.item(record):
            name = require(record, "encoder") if "encoder" in record else ""
            encoder = name if encoder is None else encoder
            if name != encoder:
                raise InputError(f"frames of {name or 'no named encoder'} after some of {encoder}")
            sample.add(features_of(record))
    book, report = fit(sample.frames(), config, seed, encoder or "")
    with create(output) as out:
        save_codebook(book, out)
    click.echo(json.dumps({"codebook": book.hash, "encoder": book.encoder, "seen": sample.seen, **report}))
