"""Text as vectors: counted words (TF-IDF) and averaged word vectors (Word2Vec)."""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from .._check import (
    as_count,
    as_matrix,
    as_number,
    as_seed,
    as_texts,
    as_vector,
    describe,
    one_of,
    refuse_items,
)
from ._store import read, write

__all__ = ["TfidfText", "Word2VecText", "words"]

_HAN = "〇々\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # planes 2 and 3 hold nothing else
_HIRAGANA, _KATAKANA, _EITHER = "ぁ-ゖゝ-ゟ", "ァ-ヺヽ-ヿㇰ-ㇿ", "ー\u3099\u309a"
# What nobody sees: soft hyphens, joiners, marks of direction, choices of a glyph's variant.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)


@functools.cache
def _word() -> re.Pattern[str]:
    """What a word is: Python's ``\\w`` knows letters and digits, but neither vowel signs nor accents of their own."""
    signs = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c) in ("Mn", "Mc"))
    letter = rf"[^\W{_HAN}{_HIRAGANA}{_KATAKANA}]"
    return re.compile(
        f"[{_HAN}]|[{_HIRAGANA}][{_HIRAGANA}{_EITHER}]*|[{_KATAKANA}ー][{_KATAKANA}{_EITHER}]*|"
        f"{letter}(?:{letter}+|[{signs}]+)*"
    )


def words(text: str) -> list[str]:
    """Split a text into lower-case words, the same ones in whatever Unicode normal form it came.

    A run of letters, digits, vowel signs and accents is a word, single letters included ("latin capital letter a").
    Each Chinese character is one, since nothing marks where a word ends; Japanese is split where its kind of sign
    changes. Thai, Lao, Khmer and Burmese write no spaces either: a phrase is one word, and ``TfidfText(chars=…)`` sees
    into it.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If text is no str.

    Notes
    -----
    Notebook: ``01_features``.

    References
    ----------
    The Unicode Consortium, *Unicode Standard Annex #15: Unicode Normalization Forms*.

    Examples
    --------
    >>> from mmalign_nb.features.text import words
    >>> words("Left-pointing arrow"), words("红色的钟"), words("लाल घंटी")
    (['left', 'pointing', 'arrow'], ['红', '色', '的', '钟'], ['लाल', 'घंटी'])
    """
    return _word().findall(_plain(text))


def _plain(text: str) -> str:
    """Lower case, composed, without what nobody sees."""
    if not isinstance(text, str):
        raise TypeError(f"text is {describe(text)}; want a str")
    # Composed before and after: an İ becomes an i with a dot of its own, of either form of the capital letter.
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    return _UNSEEN.sub("", lower)


@functools.cache
def _word_or_sign() -> re.Pattern[str]:
    """A word, or a sign that stands for a thing, such as an emoji."""
    signs = "".join(c for c in map(chr, range(0x80, 0x20000)) if unicodedata.category(c) == "So")
    return re.compile(f"{_word().pattern}|[{signs}]")


def _asked(text: str) -> list[str]:
    """The words of a text and the signs that no encoder of words reads, each once."""
    return list(dict.fromkeys(_word_or_sign().findall(_plain(text))))


def _texts(X: Any) -> list[str]:
    refuse_items(X, "X", "text")
    return as_texts(X, "X")


def _unit_rows(x: Any) -> Any:
    """Scale rows to length 1; rows of zeros stay zeros."""
    norm = np.sqrt((x * x).sum(axis=1))
    norm[norm == 0] = 1
    return sparse.diags_array(1 / norm) @ x if hasattr(x, "tocsr") else x / norm[:, None]


def _check_run(value: Any, name: str) -> None:
    """Refuse what is not the shortest and the longest of a run: two whole numbers, ``1 <= shortest <= longest``."""
    try:
        low, high = (as_count(n, name) for n in value)
    except (TypeError, ValueError):
        low, high = 1, 0
    if low > high:
        raise ValueError(
            f"{name} is {value!r}; want (shortest, longest): two whole numbers with 1 <= shortest <= longest"
        )


class _Reader:
    """What an encoder of words says of a text: which of its words it knows."""

    vocabulary_: dict[str, int]

    def unknown(self, text: str) -> list[str]:
        """Name the words of a text that were not fitted, and signs that are no words, such as emoji.

        With ``chars`` the parts of an unknown word may still say something.

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText, Word2VecText
        >>> TfidfText().fit(["red bell", "red drum"]).unknown("A red, red xyzzy 🎂")
        ['a', 'xyzzy', '🎂']
        >>> Word2VecText(dim=4, epochs=1).fit(["red bell", "red drum"]).unknown("a red xyzzy")
        ['a', 'xyzzy']
        """
        check_is_fitted(self, "vocabulary_")
        known = self._known_words(text)
        return [w for w in _asked(text) if w not in known]

    def known(self, X: list[str]) -> np.ndarray:
        """Return the share of the words of each text that were fitted: float64 (n,), 0 where there is no word.

        A search can be about nothing in the collection. Its best score says so better if it is multiplied by the root of
        this share: the cosine that it would have if each unknown word were a direction of its own, in which no item lies.

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText
        >>> TfidfText().fit(["red bell", "red drum"]).known(["red bell", "red xyzzy", "🎂", ""]).tolist()
        [1.0, 0.5, 0.0, 0.0]
        """
        asked = [(text, len(_asked(text))) for text in _texts(X)]
        return np.array([1 - len(self.unknown(text)) / n if n else 0.0 for text, n in asked])

    def nearest_known(self, word: str) -> str | None:
        """Return the fitted word that needs the fewest letters added, left out or changed; None if no letter would stay.

        Of several the one that was fitted first. The Levenshtein distance, over all words at once.

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText
        >>> colours = TfidfText().fit(["red bell", "blue drum"])
        >>> colours.nearest_known("bleu"), colours.nearest_known("🎂")
        ('blue', None)
        """
        check_is_fitted(self, "vocabulary_")
        wanted, known = _plain(word), list(self._known_words())
        size = np.array([len(x) for x in known])
        letters = np.zeros((size.max(), len(known)), np.int32)
        for column, x in enumerate(known):
            letters[: len(x), column] = [ord(c) for c in x]
        # edits[j]: from what was read of the word to the first j letters of each known one
        edits = np.repeat(np.arange(len(letters) + 1)[:, None], len(known), axis=1)
        for position, c in enumerate(wanted, 1):
            before, edits = edits, np.full_like(edits, position)
            for j, other in enumerate(letters):
                kept = before[j] + (other != ord(c))
                edits[j + 1] = np.minimum(kept, np.minimum(before[j + 1], edits[j]) + 1)
        distance = edits[size, np.arange(len(known))]
        best = int(distance.argmin())
        return known[best] if distance[best] < max(len(wanted), len(known[best])) else None

    def _known_words(self, text: str | None = None) -> dict[str, None]:
        """The words of the vocabulary, or those of a text that are in it, in order."""
        return dict.fromkeys(
            self.vocabulary_ if text is None else filter(self.vocabulary_.__contains__, words(text))
        )


class TfidfText(_Reader, TransformerMixin, BaseEstimator):
    r"""Count words, and let rare words count for more.

    .. math:: x_{t} = \mathrm{tf}(t) \cdot \Big(\ln\frac{1 + n}{1 + \mathrm{df}(t)} + 1\Big)

    for each term t of a text, with tf(t) how often it comes there and df(t) in how many of the n fitted texts it
    occurs; rows are then scaled to length 1, so that their dot product is the cosine.

    Parameters
    ----------
    dim : int, optional
        None keeps one column per term, as a sparse matrix. A number asks for that many dense columns: the
        directions of largest weight (truncated SVD, *latent semantic analysis*).
    ngrams : (int, int)
        Shortest and longest run of words that makes a term; (1, 2) adds pairs such as ``"left arrow"``.
    chars : (int, int), optional
        Also count runs of so many characters inside words, written ``"~arr"``: relatives of unseen words.
    char_weight : float
        Share of the character terms in the squared length of a row, in (0, 1); ignored without ``chars``.
    min_df : int
        Leave out terms that fewer texts have.
    seed : int
        For the SVD's random start.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of each term (before the SVD).
    idf_ : (vocabulary,) float32
    components_ : (dim, vocabulary) float32
        Only with ``dim``.

    Raises
    ------
    TypeError, ValueError
        If X is not a list of str, is empty, or if no term is left.

    Notes
    -----
    A text without any fitted word becomes a row of zeros, whose cosine with anything is undefined; the metrics of
    this package say so rather than return a number. Word order is lost, beyond ``ngrams``.
    Notebook: ``01_features``.

    References
    ----------
    K. Spärck Jones, *A statistical interpretation of term specificity*, Journal of Documentation 28(1), 1972.
    S. Deerwester et al., *Indexing by latent semantic analysis*, JASIS 41(6), 1990.

    Examples
    --------
    >>> from mmalign_nb.features import TfidfText
    >>> tfidf = TfidfText().fit(["a red bell", "a red drum", "a blue drum"])
    >>> tfidf.get_feature_names_out().tolist()
    ['a', 'bell', 'blue', 'drum', 'red']
    >>> [round(float(x), 3) for x in tfidf.transform(["red red drum"]).toarray()[0]]
    [0.0, 0.0, 0.0, 0.447, 0.894]
    """

    def __init__(
        self,
        dim: int | None = None,
        *,
        ngrams: tuple[int, int] = (1, 1),
        chars: tuple[int, int] | None = None,
        char_weight: float = 0.5,
        min_df: int = 1,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.ngrams = ngrams
        self.chars = chars
        self.char_weight = char_weight
        self.min_df = min_df
        self.seed = seed

    def fit(self, X: list[str], y: None = None) -> Self:
        """Learn the vocabulary, the weights and, with ``dim``, the directions of the texts ``X``."""
        texts = _texts(X)
        _check_run(self.ngrams, "ngrams")
        dim, seed = as_count(self.dim, "dim", none=True), as_seed(self.seed)
        if self.chars is not None:
            _check_run(self.chars, "chars")
            as_number(self.char_weight, "char_weight", 0, 1, above=True, below=True)
        counter = CountVectorizer(analyzer=self._terms, min_df=as_count(self.min_df, "min_df"))
        try:
            counts = counter.fit_transform(texts)
        except ValueError as err:
            raise ValueError(
                f"X has no term that {self.min_df} or more of its {len(texts)} texts contain"
            ) from err
        kept = counter.get_feature_names_out()
        self.vocabulary_ = {term: column for column, term in enumerate(kept.tolist())}
        df = np.bincount(counts.indices, minlength=len(kept))
        self.idf_ = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float32)
        if dim is not None:
            from sklearn.decomposition import TruncatedSVD

            if dim >= min(len(texts), len(kept)):
                raise ValueError(
                    f"dim is {self.dim!r}; want less than the {len(texts)} texts and the {len(kept)} terms"
                )
            svd = TruncatedSVD(dim, random_state=seed).fit(self._weigh(texts))
            self.components_ = svd.components_.astype(np.float32)
        return self

    def transform(self, X: list[str]) -> Any:
        """Return CSR float32 (n, vocabulary), or dense float32 (n, dim); rows of length 1, or of zeros."""
        check_is_fitted(self, "idf_")
        out = self._weigh(_texts(X))
        if self.dim is not None:
            return np.ascontiguousarray(_unit_rows(out @ self.components_.T), np.float32)
        return out

    def get_feature_names_out(self, input_features: None = None) -> np.ndarray:
        """Return the term of each column; with ``dim``, ``"svd0"``, ``"svd1"``, …

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText
        >>> sorted(TfidfText().fit(["red bell", "red drum"]).get_feature_names_out().tolist())
        ['bell', 'drum', 'red']
        """
        check_is_fitted(self, "idf_")
        if self.dim is not None:
            return np.array([f"svd{k}" for k in range(self.dim)], dtype=object)
        return np.array(list(self.vocabulary_), dtype=object)

    def _known_words(self, text: str | None = None) -> dict[str, None]:
        terms = self.vocabulary_ if text is None else filter(self.vocabulary_.__contains__, self._terms(text))
        return dict.fromkeys(word for term in terms if not term.startswith("~") for word in term.split(" "))

    def _terms(self, text: str) -> Iterable[str]:
        split = words(text)
        low, high = self.ngrams
        for n in range(low, min(high, len(split)) + 1):
            yield from (" ".join(split[i : i + n]) for i in range(len(split) - n + 1))
        if self.chars is not None:
            low, high = self.chars
            for n in range(low, min(high, max(map(len, split), default=0)) + 1):
                yield from ("~" + w[i : i + n] for w in split for i in range(len(w) - n + 1))

    def _weigh(self, texts: list[str]) -> sparse.csr_array:
        counter = CountVectorizer(analyzer=self._terms, vocabulary=self.vocabulary_, dtype=np.float32)
        tf = sparse.csr_array(counter.transform(texts))
        tf.data *= self.idf_[tf.indices]
        if self.chars is not None:  # each kind of term to length 1 first: there are many more runs than words
            run = np.array([term.startswith("~") for term in self.vocabulary_])
            share = np.where(run, self.char_weight, 1 - self.char_weight)
            tf = sum(_unit_rows(tf * (run == kind)) for kind in (False, True)).tocsr() * np.sqrt(share)
        out = _unit_rows(tf).tocsr().astype(np.float32)
        out.eliminate_zeros()
        return out

    def save(self, path: str | Path | BinaryIO, *, half: bool = False) -> None:
        """Write the fitted encoder to one ``.npz`` file, by its name or open; ``half`` stores 16-bit numbers."""
        check_is_fitted(self, "idf_")
        arrays = {"idf": self.idf_}
        if self.dim is not None:
            arrays["components"] = self.components_
        write(
            path,
            {"kind": "text", "params": self.get_params(), "terms": list(self.vocabulary_)},
            arrays,
            half,
        )

    @classmethod
    def load(cls, name: str | Path | BinaryIO) -> Self:
        """Read an encoder from a file, or a trained one by its name (``"glyphs"``, ``"things"``)."""
        with read(name, "text") as (config, arrays):
            new = cls().set_params(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in config["params"].items()}
            )
            new.vocabulary_ = {term: column for column, term in enumerate(config["terms"])}
            new.idf_ = as_vector(arrays["idf"], "idf", len(new.vocabulary_))
            if new.dim is not None:
                new.components_ = as_matrix(
                    arrays["components"], "components", dim=len(new.idf_), rows=new.dim
                )
        return new


class Word2VecText(_Reader, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Learn a vector for each word from its neighbours, and average the vectors of a text.

    Words that come in the same company get similar vectors (skip-gram with negative sampling, by gensim). The
    vector of a text is the mean over its words, weighted as asked, scaled to length 1.

    Parameters
    ----------
    dim : int
        Size of the vectors.
    window : int
        How many words to each side are neighbours.
    epochs : int
        Passes over the texts.
    weight : {"tfidf", "mean"}
        Whether rare words weigh more, by ln((1+n)/(1+df)) + 1, or all the same.
    negative : int
        Random words to tell a true neighbour from.
    seed : int
        The same seed gives the same vectors: one worker, and no use of Python's own salted hash.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Row of each word in ``vectors_``.
    vectors_ : (vocabulary, dim) float32
    idf_ : (vocabulary,) float32

    Raises
    ------
    TypeError, ValueError
        If X is not a list of str, is empty, has no word, or if a parameter is unknown.

    Notes
    -----
    Unlike TF-IDF, *crimson* can be near *red* without sharing a letter, provided that both were seen in like
    company; a word never seen still says nothing, and a text of only such words is a row of zeros. Word order is
    lost. Notebook: ``01_features``.

    References
    ----------
    T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, *Distributed representations of words and phrases and
    their compositionality*, NeurIPS 2013. R. Řehůřek, P. Sojka, gensim, LREC workshop 2010.

    Examples
    --------
    >>> from mmalign_nb.features import Word2VecText
    >>> rhymes = ["one two buckle my shoe", "three four knock at the door"] * 20
    >>> w2v = Word2VecText(dim=8, epochs=2).fit(rhymes)
    >>> w2v.transform(["two shoe", "door"]).shape
    (2, 8)
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        window: int = 5,
        epochs: int = 20,
        weight: str = "tfidf",
        negative: int = 5,
        seed: int = 0,
    ) -> None:
        self.dim = dim
        self.window = window
        self.epochs = epochs
        self.weight = weight
        self.negative = negative
        self.seed = seed

    def fit(self, X: list[str], y: None = None) -> Self:
        """Learn word vectors from the texts ``X``."""
        one_of(self.weight, "weight", ("tfidf", "mean"))
        counts = {
            name: as_count(getattr(self, name), name) for name in ("dim", "window", "epochs", "negative")
        }
        sentences = [words(text) for text in _texts(X)]
        if not any(sentences):
            raise ValueError(f"X has no word in any of its {len(sentences)} texts")
        from gensim.models import Word2Vec
        from gensim.models.word2vec import (
            MAX_WORDS_IN_BATCH as LONGEST,
        )  # gensim passes over what lies beyond

        model = Word2Vec(
            [s[i : i + LONGEST] for s in sentences for i in range(0, max(len(s), 1), LONGEST)],
            vector_size=counts.pop("dim"),
            **counts,
            seed=as_seed(self.seed),
            sg=1,
            min_count=1,
            sample=0,  # a teaching set is too small to throw its frequent words away
            workers=1,  # several would update one another's vectors in an order of their own
            hashfxn=lambda word: zlib.crc32(word.encode()),
        )
        df = np.zeros(len(model.wv.index_to_key))
        for sentence in sentences:
            df[[model.wv.key_to_index[w] for w in set(sentence)]] += 1
        self.vocabulary_ = dict(model.wv.key_to_index)
        self.vectors_ = np.ascontiguousarray(model.wv.vectors, np.float32)
        self.idf_ = (np.log((1 + len(sentences)) / (1 + df)) + 1).astype(np.float32)
        return self

    @property
    def _n_features_out(self) -> int:
        return self.vectors_.shape[1]

    def transform(self, X: list[str]) -> np.ndarray:
        """Return float32 (n, dim); rows of length 1, or of zeros where no word is known."""
        check_is_fitted(self, "vectors_")
        texts = _texts(X)
        out = np.zeros((len(texts), self.vectors_.shape[1]), np.float32)
        for row, text in enumerate(texts):
            known = [self.vocabulary_[w] for w in words(text) if w in self.vocabulary_]
            weight = self.idf_[known] if self.weight == "tfidf" else np.ones(len(known), np.float32)
            out[row] = weight @ self.vectors_[known]
        return np.ascontiguousarray(_unit_rows(out), np.float32)

    def save(self, path: str | Path | BinaryIO, *, half: bool = False) -> None:
        """Write the fitted encoder to one ``.npz`` file, by its name or open; ``half`` stores 16-bit numbers."""
        check_is_fitted(self, "vectors_")
        write(
            path,
            {"kind": "words", "params": self.get_params(), "words": list(self.vocabulary_)},
            {"vectors": self.vectors_, "idf": self.idf_},
            half,
        )

    @classmethod
    def load(cls, name: str | Path | BinaryIO) -> Self:
        """Read an encoder from a file."""
        with read(name, "words") as (config, arrays):
            new = cls(**config["params"])
            new.vocabulary_ = {word: row for row, word in enumerate(config["words"])}
            n = len(new.vocabulary_)
            new.vectors_ = as_matrix(arrays["vectors"], "vectors", rows=n)
            new.idf_ = as_vector(arrays["idf"], "idf", n)
        return new
