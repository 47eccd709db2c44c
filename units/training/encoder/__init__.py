"""Training of an encoder from recordings, mostly without labels.

`training` has the loop. Each thing to learn is an objective: `objective` predicts frames that the network
cannot see, from clusters (`targets`), codewords of a teacher (`online`) or given labels (`labels`); `swapped`
makes two views of the same speech agree: two versions of a crop, or two occurrences of a term (`pairs`).
"""
