"""Write a model of mms-300m's structure, small and random, into the cache of the Hugging Face hub.

tiny_mms.py HF_HOME
"""

import os
import sys

import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

REVISION = "0" * 40


def write(home):
    """Save the model under the id facebook/mms-300m."""
    folder = os.path.join(home, "hub", "models--facebook--mms-300m")
    snapshot = os.path.join(folder, "snapshots", REVISION)
    os.makedirs(os.path.join(folder, "refs"))
    with open(os.path.join(folder, "refs", "main"), "w", encoding="ascii") as file:
        file.write(REVISION)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=24,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    torch.manual_seed(0)
    Wav2Vec2Model(config).save_pretrained(snapshot)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(snapshot)


if __name__ == "__main__":
    write(sys.argv[1])
