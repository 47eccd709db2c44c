"""su-cluster: frames of a corpus to a codebook."""

import json

import click

from units.cli.options import device_option, output_option, records_argument, seed_option, settings
from units.cli.tool import tool
from units.config import ClusterConfig
from units.records import InputError, optional, warn


@tool("su-cluster")
@records_argument("features")
@settings(ClusterConfig)
@click.option(
    "--weight-by",
    metavar="FIELD",
    help="Give all values of this field of the records, such as speaker or language, the same weight, "
    "however much speech they have.",
)
@seed_option
@device_option
@output_option("The codebook (.npz)", required=True)
def main(job, features, weight_by, output, seed, device, config):
    """Find the centroids of a corpus's frames. Inertia and perplexity are printed as JSON."""
    from units.codebook.codebook import save_codebook
    from units.codebook.kmeans import fit_codebook, uses_gpu
    from units.codebook.sampling import Reservoir, group_weights
    from units.files.output import create

    sample = Reservoir(config.max_frames, seed, config.context)
    encoder = _fill(sample, job, features, weight_by)
    weights = group_weights(sample.groups()) if weight_by else None
    if weight_by and (lost := sample.unheard()):
        have = f"values of {weight_by} have" if lost > 1 else f"value of {weight_by} has"
        warn(f"{lost} {have} no frame in the sample; raise --max-frames")
    job.log(f"computing on {'cuda' if uses_gpu(device) else 'cpu'}")
    book, report = fit_codebook(sample.frames(), config, seed, encoder, weights, device)
    with create(output) as out:
        save_codebook(book, out)
    click.echo(json.dumps({"codebook": book.hash, "encoder": book.encoder, "seen": sample.seen, **report}))


def _fill(sample, job, paths, weight_by):
    """Add the frames of all records to the sample; return their encoder, which must be the same for all."""
    from units.files.streams import features_of

    encoder, groups = None, {}
    for record in job.records(paths):
        with job.item(record):
            name = optional(record, "encoder", "")
            encoder = name if encoder is None else encoder
            if name != encoder:
                names = [other or "no named encoder" for other in (name, encoder)]
                raise InputError(f"these frames come from {names[0]}, but earlier ones from {names[1]}")
            if weight_by and weight_by not in record:
                raise InputError(f'no "{weight_by}"')
            group = json.dumps(record[weight_by]) if weight_by else ""
            sample.add(features_of(record), groups.setdefault(group, len(groups)))
    return encoder or ""
