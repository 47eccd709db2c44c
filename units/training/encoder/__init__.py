"""Training of an encoder that predicts the cluster of frames that it cannot see.

The method is HuBERT's (Hsu et al. 2021, arXiv 2106.07447). It works in rounds: the first predicts clusters of
MFCC, each later one clusters of the network's own middle layer.
"""
