"""Labels on a time line: units, phones, words and motifs, in the formats of Praat, ELAN and others."""
