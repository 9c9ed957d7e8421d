"""YouTube on loopback: the InnerTube endpoints that yt-dlp's own extractors ask, for a made-up site.

`YouTube(server)` mounts the site; `loopback.only_loopback(server)` sends yt-dlp there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.harness.youtube_videos import Video, id_of, scenario

if TYPE_CHECKING:
    from tests.harness.loop_server import Exchange, LoopServer

_PAGE_ENTRIES = 3
_CHANNEL_ID = "UC" + "x" * 22
_MEDIA = {
    ".m4a": ('audio/mp4; codecs="mp4a.40.2"', 140),
    ".webm": ('audio/webm; codecs="opus"', 251),
}
_HIDDEN_TITLES = ("[Private video]", "[Deleted video]")

PLAYLIST_ID = "PLtestplaylist00000000000000000000"
PLAYLIST = f"https://www.youtube.com/playlist?list={PLAYLIST_ID}"
CHANNEL = "https://www.youtube.com/@chan"


@dataclass(slots=True)
class Playlist:
    """`announced` is the count the site tells, that of `ids` when None. Pages in `lost` come back without
    data that often."""

    title: str
    ids: list[str]
    announced: int | None = None
    lost: dict[int, int] = field(default_factory=dict)


class YouTube:
    """The site. Change `videos` and `playlists` at will; `ids` gives a scenario's name its video id.

    While `refusing` lists are refused: there were too many requests.
    """

    def __init__(self, server: LoopServer) -> None:
        self.server = server
        self.ids, self.videos = scenario()
        self.playlists = {PLAYLIST_ID: Playlist("Mix 🎧 / Ünï", list(self.ids.values()))}
        self.shorts: list[str] = []
        self.refusing = False
        server.mount("yt", self._answer)

    def watch(self, name: str) -> str:
        """The link to a video of the scenario."""
        return f"https://www.youtube.com/watch?v={self.ids[name]}"

    def add(self, name: str, video: Video) -> str:
        """One more video, in no playlist; its link."""
        self.ids[name] = id_of(len(self.ids))
        self.videos[self.ids[name]] = video
        return self.watch(name)

    def _answer(self, exchange: Exchange, rest: str) -> None:
        host, _, path = rest.partition("/")
        if self.refusing and (path == "playlist" or path.startswith("youtubei/v1/")):
            exchange.send(429, b"too many requests")
        elif path.startswith("youtubei/v1/"):
            self._answer_api(exchange, path.removeprefix("youtubei/v1/"), json.loads(exchange.body or b"{}"))
        elif path == "videoplayback":
            self._answer_media(exchange)
        elif host == "i.ytimg.com":
            self.server.deliver(exchange, "cover.jpg" if path.endswith("hq720.jpg") else "none")
        elif path in ("playlist", "watch") or path.startswith(("@", "channel/")):
            _send_page(exchange, self._page(path, exchange.query))
        elif path == "iframe_api" or path.startswith("embed/"):
            exchange.send(200, _EMBEDDED.encode(), "text/html; charset=utf-8")
        else:
            exchange.send(404, b"no such page")

    def _answer_api(self, exchange: Exchange, endpoint: str, body: Mapping[str, Any]) -> None:
        answer: object = {}
        status = 200
        if endpoint == "navigation/resolve_url":
            playlist = parse_qs(urlsplit(body["url"]).query).get("list", [""])[0]
            answer = {"endpoint": {"browseEndpoint": {"browseId": f"VL{playlist}"}}}
        elif endpoint == "browse":
            answer = self._browse(body)
        elif endpoint == "player":
            video = self.videos.get(body["videoId"])
            status = video.api_status if video is not None else 200
            answer = self._player(body["videoId"], video)
        elif endpoint == "next":
            answer = (
                self._mix(body["playlistId"], int(body["index"])) if "playlistId" in body else _NO_COMMENTS
            )
        exchange.send(status, json.dumps(answer).encode(), "application/json; charset=utf-8")

    def _answer_media(self, exchange: Exchange) -> None:
        video = self.videos[exchange.query["id"]]
        assert video.file is not None
        if video.fault:
            exchange.path = f"{exchange.path}&{video.parameters}"
            self.server.misbehave(exchange, video.fault, video.file)
        else:
            self.server.deliver(exchange, video.file)

    def _page(self, path: str, query: Mapping[str, str]) -> object:
        listed = query.get("list", "")
        if path == "watch":
            return self._mix(listed, 0) if listed.startswith("RD") else {}
        if path == "playlist":
            return self._playlist_page(listed)
        return self._channel_page(path.rpartition("/")[2])

    # ---- playlists and channels

    def _browse(self, body: Mapping[str, Any]) -> object:
        if "continuation" not in body:
            return self._playlist_page(body["browseId"].removeprefix("VL"))
        playlist_id, _, page = body["continuation"].partition(":")
        playlist = self.playlists[playlist_id]
        if playlist.lost.get(int(page), 0):
            playlist.lost[int(page)] -= 1
            return {"responseContext": {"visitorData": "Cgtmake"}}
        return {
            "responseContext": {"visitorData": "Cgtmake"},
            "onResponseReceivedActions": [
                {"appendContinuationItemsAction": {"continuationItems": self._items(playlist_id, int(page))}}
            ],
        }

    def _playlist_page(self, playlist_id: str) -> object:
        playlist = self.playlists.get(playlist_id)
        if playlist is None:
            gone = {"type": "ERROR", "text": {"runs": [{"text": "The playlist does not exist."}]}}
            return {"contents": {}, "alerts": [{"alertRenderer": gone}]}
        announced = len(playlist.ids) if playlist.announced is None else playlist.announced
        content = {
            "playlistVideoListRenderer": {"playlistId": playlist_id, "contents": self._items(playlist_id, 0)}
        }
        sections = {"contents": [{"itemSectionRenderer": {"contents": [content]}}]}
        tab = {"selected": True, "content": {"sectionListRenderer": sections}}
        stats = [{"runs": [{"text": str(announced)}, {"text": " videos"}]}]
        return {
            "responseContext": {"visitorData": "Cgtmake"},
            "metadata": {"playlistMetadataRenderer": {"title": playlist.title}},
            "contents": {"twoColumnBrowseResultsRenderer": {"tabs": [{"tabRenderer": tab}]}},
            "sidebar": {
                "playlistSidebarRenderer": {
                    "items": [{"playlistSidebarPrimaryInfoRenderer": {"stats": stats}}]
                }
            },
        }

    def _items(self, playlist_id: str, page: int) -> list[object]:
        ids = self.playlists[playlist_id].ids
        shown = ids[page * _PAGE_ENTRIES : (page + 1) * _PAGE_ENTRIES]
        items: list[object] = [{"playlistVideoRenderer": self._renderer(video_id)} for video_id in shown]
        if (page + 1) * _PAGE_ENTRIES < len(ids):
            command = {"token": f"{playlist_id}:{page + 1}", "request": "CONTINUATION_REQUEST_TYPE_BROWSE"}
            items.append(
                {"continuationItemRenderer": {"continuationEndpoint": {"continuationCommand": command}}}
            )
        return items

    def _renderer(self, video_id: str) -> dict[str, Any]:
        video = self.videos.get(video_id, Video("[Deleted video]"))
        renderer: dict[str, Any] = {
            "videoId": video_id,
            "title": {"runs": [{"text": video.listed_title or video.title}]},
        }
        if video.live == "live":
            overlay = {"thumbnailOverlayTimeStatusRenderer": {"style": "LIVE"}}
            renderer["thumbnailOverlays"] = [overlay]
        if video.live == "upcoming":
            renderer["upcomingEventData"] = {"startTime": "1800000000"}
        if video.seconds and video.listed_title not in _HIDDEN_TITLES:
            browse = {"browseId": _CHANNEL_ID, "canonicalBaseUrl": "/@chan"}
            run = {"text": video.channel, "navigationEndpoint": {"browseEndpoint": browse}}
            renderer |= {
                "lengthSeconds": str(video.seconds),
                "shortBylineText": {"runs": [run]},
                "isPlayable": True,
            }
        return renderer

    def _channel_page(self, selected: str) -> object:
        """A channel with a tab of videos, the playable ones of the scenario, and one of shorts."""
        tabs = {"videos": [self.ids["ok_m4a"], self.ids["ok_opus"]], "shorts": self.shorts}
        selected = selected if selected in tabs else "videos"
        rendered = []
        for name, ids in tabs.items():
            if not ids:
                continue
            items = [
                {"richItemRenderer": {"content": {"videoRenderer": self._renderer(video_id)}}}
                for video_id in ids
            ]
            place = {"commandMetadata": {"webCommandMetadata": {"url": f"/@chan/{name}"}}}
            tab: dict[str, Any] = {"title": name.title(), "endpoint": place}
            if name == selected:
                tab |= {"selected": True, "content": {"richGridRenderer": {"contents": items}}}
            rendered.append({"tabRenderer": tab})
        return {
            "responseContext": {"visitorData": "Cgtmake"},
            "metadata": {"channelMetadataRenderer": {"title": "Chän 1", "externalId": _CHANNEL_ID}},
            "contents": {"twoColumnBrowseResultsRenderer": {"tabs": rendered}},
        }

    def _mix(self, playlist_id: str, index: int) -> object:
        """An endless mix: every page goes on with new videos, and overlaps the one before by one."""
        start = max(index - 1, 0)
        contents = []
        for number in range(start, start + 5):
            endpoint = {
                "watchEndpoint": {"videoId": f"mix{number:08}", "index": number + 1, "params": "OAE%3D"}
            }
            contents.append(
                {
                    "playlistPanelVideoRenderer": {
                        "videoId": f"mix{number:08}",
                        "title": {"simpleText": f"Mixed - {number}"},
                        "lengthText": {"simpleText": "3:00"},
                        "navigationEndpoint": endpoint,
                    }
                }
            )
        playlist = {
            "title": "Mix, endless",
            "playlistId": playlist_id,
            "isInfinite": True,
            "contents": contents,
        }
        return {"contents": {"twoColumnWatchNextResults": {"playlist": {"playlist": playlist}}}}

    # ---- videos

    def _player(self, video_id: str, video: Video | None) -> object:
        if video is None:
            return {
                "playabilityStatus": {"status": "ERROR", "reason": "Video unavailable"},
                "videoDetails": {"videoId": video_id},
            }
        if video.api_status != 200:
            return {"error": {"code": video.api_status, "message": "quota"}}
        micro: dict[str, Any] = {"availableCountries": list(video.countries)} if video.countries else {}
        if video.live:
            micro["liveBroadcastDetails"] = {
                "isLiveNow": video.live == "live",
                "startTimestamp": "2027-01-01T00:00:00+00:00",
            }
        answer: dict[str, Any] = {
            "responseContext": {},
            "playabilityStatus": dict(video.playability),
            "videoDetails": {
                "videoId": video_id,
                "title": video.title,
                "lengthSeconds": str(video.seconds),
                "channelId": _CHANNEL_ID,
                "author": video.channel,
                "shortDescription": video.description,
                "isLiveContent": bool(video.live),
                "isLive": video.live == "live",
                "isUpcoming": video.live == "upcoming",
                "thumbnail": {
                    "thumbnails": [
                        {"url": f"https://i.ytimg.com/vi/{video_id}/hq720.jpg", "width": 64, "height": 64}
                    ]
                },
            },
            "microformat": {"playerMicroformatRenderer": micro},
        }
        if video.playability["status"] == "OK" and video.file:
            answer["streamingData"] = {
                "expiresInSeconds": "21540",
                "adaptiveFormats": [self._format(video_id, video)],
            }
        return answer

    def _format(self, video_id: str, video: Video) -> object:
        assert video.file is not None
        file = self.server.media / video.file
        mime, itag = _MEDIA[file.suffix]
        return {
            "itag": itag,
            "url": f"https://rr1---sn-fake.googlevideo.com/videoplayback?id={video_id}&itag={itag}",
            "mimeType": mime,
            "bitrate": 128000,
            "contentLength": str(file.stat().st_size),
            "approxDurationMs": str(video.seconds * 1000),
            "audioQuality": "AUDIO_QUALITY_MEDIUM",
            "audioSampleRate": "44100",
            "audioChannels": 2,
            "quality": "tiny",
        }


_EMBEDDED_CLIENT = {"client": {"clientName": "WEB_EMBEDDED_PLAYER", "clientVersion": "1.0"}}
_EMBEDDED = f"<html><script>ytcfg.set({json.dumps({'INNERTUBE_CONTEXT': _EMBEDDED_CLIENT})});</script></html>"
_NO_COMMENTS = {
    "contents": {
        "twoColumnWatchNextResults": {"results": {"results": {"contents": [{"itemSectionRenderer": {}}]}}}
    },
    "engagementPanels": [],
}


def _send_page(exchange: Exchange, data: object) -> None:
    script = f"var ytInitialData = {json.dumps(data)};"
    page = f"<html><script>{script}</script></html>" if data else "<html><body></body></html>"
    exchange.send(200, page.encode(), "text/html; charset=utf-8")
