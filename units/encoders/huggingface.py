"""One hidden layer of a wav2vec 2.0-family model: the only home of transformers.

Only the layers needed are kept: the model is cut after layer L, and where it applies a last LayerNorm to its
output (stable layer norm: MMS, XLSR) that is made the identity, so what comes out is exactly `hidden_states[L]`
of the whole model.
"""

import numpy as np
import torch

from units.audio import RECEPTIVE_FIELD
from units.records import InputError

FAMILY = ("wav2vec2", "hubert", "wavlm")


class HuggingFace:
    """Frames of hidden layer `layer` of a wav2vec 2.0, HuBERT or WavLM model."""

    def __init__(self, source, layer=None, device="auto", short_name=None):
        self.device = _device(device)
        transformers = _import_transformers()
        config = _fetch(transformers.AutoConfig, source)
        if config.model_type not in FAMILY:
            raise InputError(f"{source}: a {config.model_type} model, not one of {', '.join(FAMILY)}")
        depth = config.num_hidden_layers
        layer = round(depth * 0.6) if layer is None else layer
        if not 0 <= layer <= depth:
            raise InputError(f"{source}: has layers 0 to {depth}, not {layer}")
        config.num_hidden_layers = layer
        self._model = _fetch(transformers.AutoModel, source, config=config)
        if getattr(config, "do_stable_layer_norm", False):
            self._model.encoder.layer_norm = torch.nn.Identity()
        self._model.eval().to(self.device)
        self._normalize = _normalizes(transformers, source, config)
        self.name = f"{short_name or source}:{layer}"

    def encode(self, samples):
        """Return the (N, D) float32 frames of (samples,) float32 audio at 16 kHz; N is 0 under 25 ms."""
        if len(samples) < RECEPTIVE_FIELD:
            return np.zeros((0, self._model.config.hidden_size), np.float32)
        values = torch.as_tensor(samples, device=self.device)
        if self._normalize:  # as transformers' feature extractor does, its constant included
            values = (values - values.mean()) / torch.sqrt(values.var(unbiased=False) + 1e-7)
        with torch.inference_mode():
            return self._model(values[None]).last_hidden_state[0].float().cpu().numpy()


def _device(device):
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def _import_transformers():
    try:
        import transformers
        from transformers import Wav2Vec2Model  # noqa: F401 - this is what fails where the pair does not fit
    except (OSError, RuntimeError, ImportError) as error:
        reason = str(error).splitlines()[-1]
        raise InputError(
            f"transformers cannot be imported ({reason}); `make install` sets up a pair that fits"
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _fetch(kind, source, **options):
    """Load from a directory or the hub; the code that a model's repository may hold is never run."""
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"model {source} cannot be loaded ({reason}); name a directory that holds it, or use -m mfcc, "
            "which needs no download"
        ) from None


def _normalizes(transformers, source, config):
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError, KeyError):  # a directory with no preprocessor_config.json
        return config.feat_extract_norm == "layer"
    return bool(getattr(extractor, "do_normalize", True))
