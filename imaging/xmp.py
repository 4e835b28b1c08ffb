"""What an XMP packet says (ISO 16684-1): the properties asked for, from an RDF/XML text that nobody vouches for.

Read as a stream of events: no tree is built, a document type declaration ends the reading, so no entity is ever
expanded and nothing is loaded, and size and depth are bounded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 2**20
"""XMP of photographs is a few kilobytes; with an editing history a few hundred."""
_MAX_DEPTH = 60
_MAX_VALUES = 64
_MAX_CHARACTERS = 4000
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_ITEM = _RDF + "li"


class _Enough(Exception):
    """Ends the reading; what was found until then counts."""


def read_xmp(packet: bytes | str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """The values of the properties named "NAMESPACE LOCALNAME"; of alternatives in several languages the default.

    Never raises: of a broken packet what can be read before it breaks.
    """
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    reader = _Reader(frozenset(names))
    if len(data) <= MAX_BYTES:
        reader.read(data.strip(b"\0 \t\r\n"))
    return {name: tuple(values) for name, values in reader.found.items() if values}


@dataclass
class _Reader:
    names: frozenset[str]
    found: dict[str, list[str]] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)
    _property: str | None = None
    """The property within which the reading is, and where in the path it is."""
    _at: int = 0
    _text: list[str] = field(default_factory=list)
    _characters: int = 0
    _default_language: bool = False

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters_of
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(data, True)
        except (_Enough, expat.ExpatError, ValueError, LookupError):  # also an encoding that does not exist
            return

    def _refuse(self, *_: object) -> None:
        raise _Enough

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > _MAX_DEPTH:
            raise _Enough
        if self._property is None:
            for key in self.names & attributes.keys():  # properties of simple values may be attributes
                self._add(key, attributes[key])
            if name in self.names:
                self._property, self._at = name, len(self._path)
                self._begin(attributes)
                if resource := attributes.get(_RDF + "resource"):
                    self._add(name, resource)
        elif name == _ITEM:
            self._begin(attributes)
            if resource := attributes.get(_RDF + "resource"):
                self._add(self._property, resource)

    def _begin(self, attributes: Mapping[str, str]) -> None:
        self._text, self._characters = [], 0
        self._default_language = attributes.get(_LANGUAGE) == "x-default"

    def _characters_of(self, text: str) -> None:
        # The text of a property itself or of its items; not what structures within it hold.
        if self._property is None or self._characters > _MAX_CHARACTERS:
            return
        if self._path[-1] in (self._property, _ITEM):
            self._text.append(text)
            self._characters += len(text)

    def _end(self, name: str) -> None:
        if self._property is not None and (name == _ITEM or len(self._path) == self._at):
            value = "".join(self._text).strip()
            if value:
                self._add(self._property, value, first=name == _ITEM and self._default_language)
            self._text, self._characters = [], 0
        if self._property is not None and len(self._path) == self._at:
            self._property = None
        self._path.pop()

    def _add(self, name: str, value: str, first: bool = False) -> None:
        values = self.found.setdefault(name, [])
        if len(values) < _MAX_VALUES:
            values.insert(0 if first else len(values), value[:_MAX_CHARACTERS])
