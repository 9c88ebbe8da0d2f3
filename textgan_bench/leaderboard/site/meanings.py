"""What each column says, in a sentence for a reader who knows only the page."""

MEANINGS = {
    "oracle_nll": "How unlikely its sentences are under the true distribution, in nats a word. "
    "Lower than the data's own value says that it repeats what is likely",
    "oracle_gap": "Oracle NLL minus the entropy of the true distribution, in nats a word",
    "bigram_tv": "Distance of the frequencies of word pairs from the true ones, 0 to 1",
    "transition_tv": "Distance of transitions between hidden states from the true ones, 0 to 1",
    "kl": "Exact divergence of the method from the true distribution, in nats a word: it grows "
    "with what the method writes and the data would not",
    "kl_se": "Standard error of that divergence",
    "kl_forward": "Exact divergence of the true distribution from the method: it grows with what "
    "the method leaves out",
    "model_entropy": "Entropy of the method, in nats a word",
    "word_entropy": "Entropy of the words of all samples, in nats",
    "nll": "How unlikely the test text is under the method, in nats a word",
    "lm_score": "How unlikely its sentences are under a language model of real text, in nats "
    "a word",
    "lm_score_event": "The same, where the end of a sentence counts as a word",
    "reverse_lm": "How unlikely real text is under a language model of its samples, in nats "
    "a word. It rises when something is missing in the samples",
    "parse_rate": "Share of sentences that the grammar accepts",
    "prefix_parse_rate": "Share of sentences that the grammar accepts up to the first blank",
    "token_accuracy": "Share of words that are deciphered rightly",
    "corpus_bleu": "BLEU of the deciphered text against the plain text",
    "transfer_accuracy": "Share of sentences that a classifier finds to be of the other style",
    "source_bleu": "BLEU of the rewritten sentence against its source: how much content stays",
    "source_g2": "Geometric mean of transfer accuracy and BLEU to source",
    "source_h2": "Harmonic mean of transfer accuracy and BLEU to source",
    "perplexity": "Perplexity of its sentences under a language model of real text",
    "reverse_perplexity": "Perplexity of real text under a language model of its samples",
    "distinct_words": "Different words among the samples",
    "distinct_sentences": "Share of sentences that are different; low says that it repeats itself",
    "novel_sentences": "Share of sentences that are not in the training text",
    "novel_by_two": "Share of sentences that are no training sentence but for one word",
    "distinct": "Share of different n-grams among the samples",
    "self_bleu": "BLEU of each sample against the others: high says that they are alike",
    "bleu_f": "BLEU of the samples against real text: quality, which repetition can fake",
    "bleu_b": "BLEU of real text against the samples: coverage of the data",
    "bleu_ha": "Harmonic mean of BLEU-F and BLEU-B",
    "fed": "Fréchet distance of sentence vectors of samples and real text: quality and coverage "
    "in one number",
    "kid": "Kernel distance of sentence vectors of samples and real text",
    "kid_se": "Standard error of that distance",
    "knn_precision": "Share of samples that lie where real text lies",
    "knn_recall": "Share of real text that lies where samples lie",
    "knn_density": "How densely samples lie where real text lies",
    "knn_coverage": "Share of real sentences with a sample near them",
    "vendi": "Effective number of different sentences among the samples",
    "rke": "Effective number of clusters among the samples",
    "mauve": "Overlap of samples and real text along a divergence frontier",
    "nearest_ngram": "Overlap with the nearest training sentence; 1 says that all are copies",
    "nearest": "Cosine with the nearest training sentence; 1 says that all are copies",
    "length_distance": "Distance of the distributions of lengths, in words",
    "oov_rate": "Share of words that the vocabulary of the scores does not know",
}

METHODS = {
    "aae": "adversarial autoencoder: codes made to look like noise",
    "arae": "GAN of an autoencoder's codes",
    "arae_transfer": "the same, with a style that can be changed",
    "autoencoder": "no GAN: an autoencoder whose codes are drawn from a normal distribution",
    "ciphergan": "GAN that deciphers, with a cycle back to the cipher text",
    "cross_aligned": "autoencoder of two styles, aligned by discriminators",
    "fmgan": "GAN by a distance of features of sentences",
    "frequency_ranks": "no network: the n-th most frequent symbol stands for the n-th",
    "gumbel": "GAN whose words are drawn by the Gumbel softmax",
    "hmm_em": "no GAN: a hidden Markov model that learns the key by likelihood",
    "importance": "GAN whose gradient is an importance-weighted likelihood",
    "irl": "reward learnt from text, and a generator that seeks reward and entropy",
    "latent_sequence": "no GAN: translation each way under language models",
    "leakgan": "GAN by rewards, whose discriminator leaks its features",
    "lm_discriminator": "GAN whose discriminators are language models",
    "mdlm": "no GAN: masked diffusion",
    "mle": "no GAN: a recurrent language model by maximum likelihood",
    "mle_lstm": "no GAN: the same, of LSTM units",
    "mle_transformer": "no GAN: a Transformer language model by maximum likelihood",
    "nagan": "GAN that writes all words at once from latents, as printed",
    "nagan.started": "the same, with what helps it to start",
    "nagan_decipherment": "the same idea, for deciphering",
    "relgan": "GAN by the Gumbel softmax, with relational memory",
    "scratchgan": "GAN by rewards for each word, without pretraining",
    "seqgan": "GAN by rewards of completed sentences",
    "unmt": "no GAN: translation each way by denoising and back-translation",
    "vae": "no GAN: a variational autoencoder",
}
"""What a method is, by the name of its row; variants have the line of the longest name that begins
theirs."""

ORDERS = {
    "↓": "lower is better",
    "↑": "higher is better",
    "≈": "best is nearest to the data's own value",
    "→0": "best is nearest to 0",
    "": "no order",
}


def method(name: str) -> str:
    """What a row's method is; empty for one of others.

    >>> method("nagan.started.cnn") == METHODS["nagan.started"], method("mygan")
    (True, '')
    """
    parts = name.split(".")
    known = (METHODS.get(".".join(parts[:count])) for count in range(len(parts), 0, -1))
    return next(filter(None, known), "")


def meaning(key: str) -> str:
    """Of a score, by the part of its key that says what it is; empty for an unknown one.

    >>> meaning("fed/usem3") == meaning("fed/hash128"), meaning("new")
    (True, '')
    """
    return MEANINGS.get(key.partition("/")[0], "")
