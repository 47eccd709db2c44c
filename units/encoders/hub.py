"""Models of the Hugging Face hub, or of directories in its layout. The only home of transformers.

A model's directory may come from strangers: its own code is never run, and its files are checked first.
"""

import os
import warnings

from safetensors import SafetensorError

from units.encoders import local
from units.files import weights
from units.records import InputError

MARGIN_SECONDS = 2.0  # of context on both sides of a chunk
OMNIASR_RELEASE = "5.24"  # the first release of transformers with Omnilingual ASR
# What transformers raises if it cannot load a model: it checks little, and a bad config fails anywhere.
FAULTS = (
    *(OSError, ValueError, LookupError, RuntimeError, ImportError, SafetensorError),
    *(TypeError, AttributeError, ArithmeticError, AssertionError),
)


def import_transformers():
    """Return the module transformers, silenced. Raises InputError if it cannot be imported."""
    try:
        import huggingface_hub
        import transformers
        from transformers import Wav2Vec2Model  # noqa: F401 - fails if the two versions do not fit each other
    except (OSError, RuntimeError, ImportError) as error:
        reason = str(error).splitlines()[-1]
        raise InputError(
            f"transformers cannot be imported ({reason}); `make install` sets up a pair that fits"
        ) from None
    transformers.utils.logging.set_verbosity_error()
    huggingface_hub.utils.logging.set_verbosity_error()  # otherwise it reports each retry on stderr
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")  # caused by WavLM itself
    return transformers


def fetch_config(source):
    """Return the config of a model in a directory or on the hub. Raises InputError if it cannot be loaded."""
    if os.path.isdir(source):
        local.check_folder(source)
    config = fetch(import_transformers().AutoConfig, source)
    local.check_config(source, config)
    local.check_config(source, getattr(config, "audio_config", None))  # the encoder in a larger model
    return config


def fetch(kind, source, **options):
    """Load from a directory or the hub; code in a model's repository is never run."""
    from huggingface_hub import errors

    strict = getattr(errors, "StrictDataclassError", OSError)  # transformers 5: a config's field is wrong
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **options)
    except (*FAULTS, strict) as error:
        if "has model type `omniasr" in str(error):
            installed = import_transformers().__version__
            raise InputError(
                f"model {source} needs transformers {OMNIASR_RELEASE} or later, not {installed}; "
                f"run pip install 'transformers>={OMNIASR_RELEASE}'"
            ) from None
        reason = (str(error).strip() or repr(error)).splitlines()
        raise _cannot_load(
            source, " ".join(map(str.strip, reason[: 2 if reason[0].endswith(":") else 1]))
        ) from None


def fetch_model(kind, source, config, **options):
    """Load a model, cut as its config says, from safetensors. Raises InputError if weights are missing.

    On the hub, weights that are published only as a pickle are loaded from the hub's own conversion of them.
    options: further arguments of transformers' `from_pretrained`.
    """
    if os.path.isdir(source):
        local.check_weights(source, config)
    options |= {"output_loading_info": True, "use_safetensors": True}
    model, report = fetch(kind, source, config=config, **options)
    missing = sorted(name for name in report["missing_keys"] if "masked_spec_embed" not in name)
    if missing:  # transformers would continue with random weights
        raise _cannot_load(source, f"{len(missing)} weights are missing, {missing[0]} the first")
    try:
        weights.check_finite(model.state_dict())
    except ValueError as error:
        raise _cannot_load(source, str(error)) from None
    return model


def _cannot_load(source, reason):
    return InputError(
        f"model {source} cannot be loaded ({reason.rstrip('.')}); name a directory that holds it, or use "
        "-m small, which needs no download"
    )
