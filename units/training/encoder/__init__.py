"""Training of the learned encoder, by predicting the unit of frames that it cannot see.

HuBERT's way (Hsu et al. 2021, arXiv 2106.07447) in rounds: the first predicts clusters of MFCC, the next ones
those of the network's own middle layer. Only su-train-encoder imports it.
"""
