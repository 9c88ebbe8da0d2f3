"""The recurrent language model behind ARAE's perplexities.

Zhao et al. (2018), "Adversarially regularized autoencoders"; what the paper leaves open is as in
the authors' program. Departures: a tenth of the training text is held out to choose the epoch,
where the program takes any second file, and batches hold sentences of nearly instead of exactly
equal length.

Shapes: B batch, T time, V vocabulary, H hidden.
"""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from textgan_bench.errors import UserError
from textgan_bench.losses.likelihood import drawn_mask, symbol_nll
from textgan_bench.tokens import PAD, TokenBatch, pad_sequences

# All of the authors' train_rnnlm.py; the batch of its preprocess_lm.py.
WIDTH = 300  # of the embedding and of the one layer of LSTM
DROPOUT = 0.2
INITIAL_RANGE = 0.1  # parameters start uniform in [-0.1, 0.1]
LEARNING_RATE = 1.0  # of plain gradient descent
CLIP = 5.0  # largest norm of the gradient
EPOCHS = 15
BATCH = 32

HELD_OUT = 0.1
SCORING_BATCH = 256
QUIET_SECONDS = 3  # before the progress bar appears

Indices = Sequence[Sequence[int]]


class LSTMLanguageModel(nn.Module):
    """One layer of LSTM; index 0 begins and ends every sentence, however long."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.output = nn.Linear(WIDTH, vocab_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE)

    def forward(self, batch: TokenBatch) -> Tensor:
        """(B, T + 1) NLL in nats of words and end symbols, zero on padding."""
        ids = F.pad(batch.ids, (0, 1), value=PAD)  # (B, T + 1)
        read = F.pad(ids[:, :-1], (1, 0), value=PAD)
        hidden, _ = self.lstm(F.dropout(self.embedding(read), DROPOUT, self.training))
        hidden = F.dropout(hidden, DROPOUT, self.training)  # (B, T + 1, H)
        logits = self.output(hidden[drawn_mask(batch.lengths, ids.shape[1])])  # (N, V)
        return symbol_nll(logits, ids, batch.lengths)


def fit(
    sentences: Indices, vocab_size: int, seed: int, device: torch.device | str = "cpu"
) -> LSTMLanguageModel:
    """Train a model on sentences of the indices 1..V-1; the seed decides all that is random.

    Minutes on a CPU for 5,000 sentences, and in proportion; a bar shows the progress.

    Raises:
        UserError: there are no sentences.
    """
    if not sentences:
        raise UserError("a language model needs at least one sentence to be trained on")
    device = torch.device(device)
    # A validation may run in inference mode, and its own random numbers must stay what they are.
    devices = [device] if device.type == "cuda" else []
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.random.fork_rng(devices, device_type=device.type),
    ):
        torch.manual_seed(seed)
        return _fit(sentences, LSTMLanguageModel(vocab_size).to(device), device)


def _fit(sentences: Indices, model: LSTMLanguageModel, device: torch.device) -> LSTMLanguageModel:
    order = torch.randperm(len(sentences)).tolist()
    split = max(1, round(HELD_OUT * len(sentences)))
    held_out = [sentences[index] for index in order[:split]]
    train = sorted([sentences[index] for index in order[split:]] or held_out, key=len)
    batches = [
        TokenBatch(*(part.to(device) for part in pad_sequences(train[start : start + BATCH])))
        for start in range(0, len(train), BATCH)
    ]
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    best, lowest = deepcopy(model.state_dict()), float("inf")
    with tqdm(total=EPOCHS * len(batches), desc="training an RNN-LM", delay=QUIET_SECONDS) as bar:
        for _ in range(EPOCHS):
            model.train()
            for index in torch.randperm(len(batches)).tolist():
                optimizer.zero_grad()
                model(batches[index]).sum(1).mean().backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                optimizer.step()
                bar.update()
            nll, _ = total_nll(model, held_out)
            bar.set_postfix(held_out=f"{nll / sum(len(words) + 1 for words in held_out):.3f}")
            if nll < lowest:
                best, lowest = deepcopy(model.state_dict()), nll
    model.load_state_dict(best)
    return model.eval()


@torch.no_grad()
def total_nll(model: LSTMLanguageModel, sentences: Indices) -> tuple[float, int]:
    """Nats of all words and end symbols, and how many these are."""
    model.eval()
    device = model.output.weight.device
    ordered = sorted(sentences, key=len)
    total = 0.0
    for start in range(0, len(ordered), SCORING_BATCH):
        batch = pad_sequences(ordered[start : start + SCORING_BATCH])
        total += float(model(TokenBatch(*(part.to(device) for part in batch))).double().sum())
    return total, sum(map(len, ordered)) + len(ordered)
