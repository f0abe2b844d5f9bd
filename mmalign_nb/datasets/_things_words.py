"""Say what there is, in English and in Chinese: every factor is named, in words that vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ._things_plan import Thing

T = TypeVar("T")

# --- English: noun, plural, and verbs as "they …/it …/…ing" ---------------------------------------------------
_NOUNS = {
    "bell": ("bell", "bells", "ring/rings/ringing", "chime/chimes/chiming", "toll/tolls/tolling"),
    "drum": ("drum", "drums", "boom/booms/booming", "thump/thumps/thumping", "rumble/rumbles/rumbling"),
    "bird": ("bird", "birds", "sing/sings/singing", "chirp/chirps/chirping", "tweet/tweets/tweeting"),
    "clock": ("clock", "clocks", "tick/ticks/ticking", "tick away/ticks away/ticking away"),
    "rain cloud": ("rain cloud", "rain clouds", "drip/drips/dripping", "drizzle/drizzles/drizzling"),
    "siren": ("siren", "sirens", "wail/wails/wailing", "blare/blares/blaring", "howl/howls/howling"),
    "car": ("car", "cars", "honk/honks/honking", "beep/beeps/beeping", "toot/toots/tooting"),
    "bee": ("bee", "bees", "buzz/buzzes/buzzing", "hum/hums/humming", "drone/drones/droning"),
    "whistle": ("whistle", "whistles", "blow/blows/blowing", "trill/trills/trilling", "shriek/shrieks/shrieking"),
    "ball": ("ball", "balls", "bounce/bounces/bouncing", "thud/thuds/thudding"),
    "frog": ("frog", "frogs", "croak/croaks/croaking", "ribbit/ribbits/ribbiting"),
    "cat": ("cat", "cats", "meow/meows/meowing", "mew/mews/mewing", "miaow/miaows/miaowing"),
}  # fmt: skip
_SIZES = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium-sized", "mid-sized", "average-sized"),
    "large": ("large", "big", "huge", "enormous"),
}
_COUNTS = {1: ("a", "a", "one", "a single"), 2: ("two", "two", "a couple of"), 3: ("three",), 4: ("four",)}
_TIMES = {
    "dawn": ("at dawn", "at sunrise", "at daybreak", "early in the morning"),
    "day": ("at noon", "at midday", "in broad daylight", "in the middle of the day"),
    "dusk": ("at dusk", "at sunset", "at nightfall", "as evening falls"),
    "night": ("at night", "at midnight", "under the stars", "in the dark of night"),
}
_SKIES = {
    "dawn": ("It is dawn", "The sun is rising", "A new day is breaking"),
    "day": ("It is midday", "The sun is high", "It is the middle of the day"),
    "dusk": ("It is dusk", "The sun is setting", "Evening is falling"),
    "night": ("It is night", "The stars are out", "The moon is up"),
}
_SENTENCES = (
    "{What} {verb} {when}.",
    "{What} {verb} {when}.",
    "{When}, {what} {verb}.",
    "{What} {be} {doing} {when}.",
    "There {be} {what} {doing} {when}.",
    "{When}, you can hear {what} {doing}.",
    "Listen to {what} {doing} {when}.",
    "{sky}, and {what} {be} {doing}.",
)


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def english(thing: Thing, rng: np.random.Generator) -> str:
    """Return one sentence that names kind, colour, size, count and time of day."""
    one, many, *verbs = _NOUNS[thing.kind]
    they, it, doing = _pick(rng, verbs).split("/")
    size, count, when = _pick(rng, _SIZES[thing.size]), _pick(rng, _COUNTS[thing.count]), _pick(rng, _TIMES[thing.time])  # fmt: skip
    noun, verb, be = (one, it, "is") if thing.count == 1 else (many, they, "are")
    if rng.random() < 0.15:
        what = f"{count} {noun}, {_SIZES[thing.size][0]} and {thing.colour},"
    else:
        what = f"{count} {size} {thing.colour} {noun}"
    if what.startswith("a ") and what[2] in "aeiou":
        what = "an" + what[1:]
    return _pick(rng, _SENTENCES).format(
        what=what,
        What=what.capitalize(),
        when=when,
        When=when.capitalize(),
        sky=_pick(rng, _SKIES[thing.time]),
        verb=verb,
        doing=doing,
        be=be,
    )


# --- Chinese: measure word, noun after 大/小, noun after a colour, what it is doing ------------------------------
# (小雨云 would be read as 小雨 + 云, so that the rain cloud goes without the first)
_NOUNS_ZH = {
    "bell": ("口", "钟", "吊钟", "在当当地响", "在当当作响"),
    "drum": ("面", "鼓", "皮鼓", "在咚咚地响", "在咚咚作响"),
    "bird": ("只", "鸟", "鸟儿", "在唱歌", "在叽叽喳喳地叫", "在啼叫"),
    "clock": ("只", "闹钟", "闹钟", "在滴答滴答地走", "在滴答作响"),
    "rain cloud": ("朵", "", "雨云", "在滴滴答答地下雨", "在淅淅沥沥地下雨"),
    "siren": ("个", "警报器", "警报器", "在呜呜地响", "在鸣响"),
    "car": ("辆", "汽车", "汽车", "在嘀嘀地鸣笛", "在按喇叭"),
    "bee": ("只", "蜜蜂", "蜜蜂", "在嗡嗡地叫", "在嗡嗡作响"),
    "whistle": ("只", "哨子", "哨子", "在嘟嘟地响", "在嘟嘟作响"),
    "ball": ("个", "皮球", "皮球", "在砰砰地弹跳", "在蹦蹦跳跳"),
    "frog": ("只", "青蛙", "青蛙", "在呱呱地叫", "在呱呱叫"),
    "cat": ("只", "猫", "猫咪", "在喵喵地叫", "在喵喵叫"),
}
_COLOURS_ZH = {
    "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色",
    "blue": "蓝色", "purple": "紫色", "pink": "粉色", "white": "白色",
}  # fmt: skip
_SIZES_ZH = {  # a bare 大 or 小 stands right before the noun, the longer words before the colour
    "small": ("小", "小", "小小的", "很小的"),
    "medium": ("中等大小的", "不大不小的"),
    "large": ("大", "大", "巨大的", "很大的"),
}
_COUNTS_ZH = {1: "一", 2: "两", 3: "三", 4: "四"}
_TIMES_ZH = {
    "dawn": ("清晨", "黎明时分", "日出时", "天刚亮时"),
    "day": ("中午", "正午时分", "大白天", "晌午"),
    "dusk": ("傍晚", "黄昏时分", "日落时", "天快黑时"),
    "night": ("夜里", "深夜", "夜晚", "星空下"),
}
_SENTENCES_ZH = ("{when}，{what}{doing}。", "{when}有{what}{doing}。", "{when}，可以听到{what}{doing}。", "听，{when}有{what}{doing}。", "{when}，有{what}{doing}。")  # fmt: skip


def chinese(thing: Thing, rng: np.random.Generator) -> str:
    """Return one sentence that names the same five factors, with each noun's own measure word."""
    measure, short, long, *verbs = _NOUNS_ZH[thing.kind]
    colour = _COLOURS_ZH[thing.colour]
    size = _pick(rng, [s for s in _SIZES_ZH[thing.size] if short or s.endswith("的")])
    amount = _COUNTS_ZH[thing.count] + measure
    what = f"{amount}{size}{colour}{long}" if size.endswith("的") else f"{amount}{colour}的{size}{short}"
    return _pick(rng, _SENTENCES_ZH).format(
        when=_pick(rng, _TIMES_ZH[thing.time]), what=what, doing=_pick(rng, verbs)
    )
