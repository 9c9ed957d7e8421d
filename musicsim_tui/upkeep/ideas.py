"""The ten invented ensembles of the demo, each described by what it plays and how."""

from __future__ import annotations

from dataclasses import dataclass

from musicsim_tui.upkeep.composition import Beat, Chords, Drone, Figure, Line, Melody


@dataclass(frozen=True, slots=True)
class Part:
    """One player. `register` is the MIDI pitch the line keeps close to, or a drum's own pitch.

    `level` in dB against the other parts, `pan` from -1 (left) to 1, `enters` in bars from the start.
    """

    instrument: str
    line: Line
    register: float
    level: float = 0.0
    pan: float = 0.0
    enters: int = 0


@dataclass(frozen=True, slots=True)
class Idea:
    """An ensemble and its way of making music.

    `tempo` in beats a minute, `beats` in a bar, `tonic` a pitch class, `room` the reverberation time in
    seconds, `wet` its level, `swing` where in the beat the off-beat falls (0.5 is even), `loose` the
    deviation of hands from the beat in seconds.
    """

    album: str
    artist: str
    year: int
    titles: tuple[str, str, str, str]
    tempo: float
    beats: int
    tonic: int
    scale: str
    progressions: tuple[str, ...]
    parts: tuple[Part, ...]
    room: float
    wet: float
    swing: float = 0.5
    loose: float = 0.0


IDEAS: tuple[Idea, ...] = (
    Idea(
        album="Lantern Hour",
        artist="Paper Moth Ensemble",
        year=2019,
        titles=("Lantern Hour", "Snow on the Tea House", "A Bowl of Stars", "The Clockmaker's Garden"),
        tempo=76,
        beats=4,
        tonic=2,
        scale="pentatonic",
        progressions=("Iadd9 VIm7 IVmaj7 Vadd9", "Iadd9 IVmaj7 VIm7 IVmaj7"),
        parts=(
            Part("bell", Figure(("01234321", "02134231", "04321234")), 67, -3, -0.35),
            Part("bell", Melody(("x-..x-..", "x---..x-", "x-x-x---", "..x-x-x-")), 79, 0, 0.3, enters=1),
            Part("pad", Chords(("x---",)), 57, -11),
        ),
        room=2.6,
        wet=0.45,
        loose=0.006,
    ),
    Idea(
        album="Willow and Wire",
        artist="The Copper Orchard",
        year=2014,
        titles=("Willow and Wire", "Ferry to Inverlea", "Harvest Letter", "Barefoot Mile"),
        tempo=98,
        beats=4,
        tonic=7,
        scale="major",
        progressions=("I V VIm IV", "I IV I V", "I VIm IV V"),
        parts=(
            Part("guitar", Figure(("02324232", "03243423", "02423243")), 55, -6, -0.4),
            Part("guitar", Chords(("X-x-.xx-", "X-..x-xx"), strum=0.05), 59, 1, 0.35),
            Part("guitar", Melody(("x-x-x---", "x-xxx-x-", "x---x-x-", "..x-x-x-")), 69, -2, 0.0, enters=2),
        ),
        room=0.9,
        wet=0.16,
        loose=0.008,
    ),
    Idea(
        album="Pixel Harbour",
        artist="Sprite Cascade",
        year=2021,
        titles=("Pixel Harbour", "Cartridge Summer", "Boss of the Tidal Cave", "Nine Lives Left"),
        tempo=150,
        beats=4,
        tonic=9,
        scale="minor",
        progressions=("Im bVI bIII bVII", "Im bVII bVI bVII"),
        parts=(
            Part("square", Melody(("x-xxx-x-", "xxx-x-xx", "x-x-xxx-", "x--x--x-")), 76, 0, 0.1),
            Part("thin square", Figure(("0123012301230123", "0213021302130213")), 69, -5, -0.2),
            Part("triangle", Figure(("0.003.00", "0-0-3-0-", "00330033")), 45, -1),
            Part("static", Beat(("x.o.X.o.x.o.X.oo", "x.o.X.oox.o.X.o."), loose=0.0), 60, -4),
        ),
        room=0.3,
        wet=0.05,
    ),
    Idea(
        album="Vesper Stone",
        artist="Consort of St Aldane",
        year=2006,
        titles=("Vesper Stone", "Low Candle", "Procession in Grey", "The Ninth Window"),
        tempo=66,
        beats=4,
        tonic=5,
        scale="harmonic minor",
        progressions=("Im V bVI bIII IVm Im IVm V",),
        parts=(
            Part("organ", Chords(("X-x-", "X---", "X--x")), 60, 0, -0.15),
            Part("organ", Melody(("x-x-x-x-", "x---x-x-", "x-x-x---")), 72, -2, 0.15),
            Part("organ", Figure(("0-2-", "0---", "0--2")), 41, -2),
        ),
        room=3.8,
        wet=0.5,
    ),
    Idea(
        album="Velvet Meter",
        artist="Night Shift Social Club",
        year=2018,
        titles=("Velvet Meter", "Two Sugars, No Sleep", "Window Seat", "Last Tram to Everly"),
        tempo=86,
        beats=4,
        tonic=0,
        scale="dorian",
        progressions=("Im9 IV7 Im9 IV7", "Im7 bVIImaj7 IV7 Im7", "Im9 IIm7 IV7 Im9"),
        parts=(
            Part("electric piano", Chords(("X--.x-..", "X-..x--o", "X--x--x.")), 62, 0, -0.2),
            Part(
                "electric piano",
                Melody(("..x-x-xx", "x-x.x---", "..xxx-x-", "x---....")),
                74,
                -3,
                0.3,
                enters=2,
            ),
            Part("bass guitar", Figure(("0--0..2.", "0-.03-2-", "0--2.30.")), 40, -1),
            Part("kick", Beat(("X..o..x.", "X...x..o")), 31, -4),
            Part("brush", Beat(("..X...X.",)), 60, -10, 0.1),
            Part("hat", Beat(("xoxoxoxo", "xoxoxxxo")), 60, -15, 0.25),
        ),
        room=0.8,
        wet=0.14,
        swing=0.6,
        loose=0.006,
    ),
    Idea(
        album="Gravel Street",
        artist="The Gravel Street Seven",
        year=1998,
        titles=("Gravel Street", "Sunday Shoes", "Rooster on the Levee", "Big Tom's Farewell"),
        tempo=116,
        beats=4,
        tonic=10,
        scale="blues",
        progressions=("I7 IV7 I7 I7 IV7 IV7 I7 V7",),
        parts=(
            Part("brass", Melody(("x-x-x--.", "x--x--x-", "x--xx-x.", "x-x-x---")), 70, 2, 0.2),
            Part("brass", Chords((".x.x", ".x.x.x-x", "..X-..X-")), 60, -5, -0.3),
            Part("brass", Figure(("0-2-", "0-1-", "0123")), 40, -5, 0.05),
            Part("snare", Beat(("x.oxo.x.x.oxx.xo", "x.oxo.xox.oxo.x.")), 55, -11, 0.1),
            Part("great drum", Beat(("X.x.", "X.xx")), 36, -8),
        ),
        room=0.7,
        wet=0.13,
        swing=0.62,
        loose=0.008,
    ),
    Idea(
        album="Iron Rain",
        artist="Kiln & Anvil",
        year=2011,
        titles=("Iron Rain", "Drums for a Long Bridge", "Salt Caravan", "Seven Against Five"),
        tempo=126,
        beats=4,
        tonic=4,
        scale="pentatonic",
        progressions=("I5 I5 V5 I5", "I5 IV5 I5 V5"),
        parts=(
            Part("great drum", Beat(("X.....x.X...x...", "X..x....X.x.....", "X...X...X.x.x.x.")), 36, 0),
            Part(
                "hand drum", Beat(("..x.x.xx..x.x.x.", "x.xx..x.x.xx.oxo", "..xx..xx..xx.xxx")), 48, -3, -0.4
            ),
            Part(
                "hand drum", Beat(("x..x..x..x..x.x.", ".xx..xx..xx..xx.", "....x.x.....xxxx")), 54, -4, 0.4
            ),
            Part(
                "mallet",
                Figure(("0.1.2..1.0.2..3.", "0..1..2.3..2..1.", "2.1.0...2.1.0...")),
                60,
                -6,
                0.1,
                enters=2,
            ),
            Part("block", Beat(("x..x..x...x.x...", "x..x...x..x.x...")), 84, -9, 0.6),
            Part("shaker", Beat(("xoXoxoXoxoXoxoXo", "XooxooXooxooXoxo")), 60, -12, -0.6),
        ),
        room=1.3,
        wet=0.2,
        loose=0.006,
    ),
    Idea(
        album="Slow Aurora",
        artist="Choir of the Far Light",
        year=2023,
        titles=("Slow Aurora", "Under the Ice, Singing", "Breath of the Glacier", "No Horizon"),
        tempo=60,
        beats=4,
        tonic=3,
        scale="whole tone",
        progressions=("Iaug IIaug Iaug bVIIaug", "Iaug Iaug IIaug IIaug"),
        parts=(
            Part("choir", Chords(("x---",)), 60, 0, -0.2),
            Part("choir", Melody(("x---....", "x-------", "x---x---"), reach=4), 70, -2, 0.3, enters=1),
            Part("choir", Drone((0, 12)), 43, -3),
        ),
        room=4.2,
        wet=0.6,
    ),
    Idea(
        album="Midnight Circuit",
        artist="Volta Arcade",
        year=2016,
        titles=("Midnight Circuit", "Concrete Pulse", "Relay 303", "Exit at Sector Nine"),
        tempo=132,
        beats=4,
        tonic=9,
        scale="phrygian",
        progressions=("Im Im bII Im", "Im Im Im bVIIm", "Im bII Im bVII"),
        parts=(
            Part("kick", Beat(("X.X.X.X.",), loose=0.0), 31, 2),
            Part("synth bass", Figure(("0003003000300030", "0030003000300303", "0300030003000330")), 38, -1),
            Part("clap", Beat((".x.x",), loose=0.0), 60, -9),
            Part("open hat", Beat((".x.x.x.x",), loose=0.0), 60, -12, 0.2),
            Part("hat", Beat(("xoxoxoxoxoxoxoxo",), loose=0.0), 60, -16, -0.2),
            Part("pad", Chords(("..x...x.", "x..x..x.")), 62, -6),
        ),
        room=0.9,
        wet=0.12,
    ),
    Idea(
        album="Cinder Waltz",
        artist="Duo Maren",
        year=2009,
        titles=("Cinder Waltz", "The Empty Ballroom", "Letter from Odessa Street", "Gloves in the Rain"),
        tempo=156,
        beats=3,
        tonic=2,
        scale="harmonic minor",
        progressions=("Im Im IVm IVm V7 V7 Im Im",),
        parts=(
            Part("bowed", Melody(("x-----", "x---x-", "x-x-x-", "x--xx-")), 78, 3, -0.15),
            Part("harp", Chords((".xx",)), 60, -9, 0.3),
            Part("harp", Figure(("0..", "2..")), 43, -5, 0.1),
        ),
        room=1.8,
        wet=0.28,
        loose=0.008,
    ),
)
