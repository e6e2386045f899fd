"""The world of the story: what is sold at which price, to whom, where, and what everything there is called."""

from dataclasses import dataclass

WON, LOST = "Closed Won", "Closed Lost"
OPEN_STAGES = ("Qualified", "Demo", "Proposal", "Negotiation")
_DANA, _LIAM = ("dana@acme.com", "Dana Reyes"), ("liam@acme.com", "Liam Novak")
CSM = ("mei@acme.com", "Mei Tanaka")
"""The local Slack's Acme has these people."""


@dataclass(frozen=True)
class _Plan:
    name: str
    price: dict[str, int]
    """By currency, for one seat and month, in minor units; whole hundreds, so that a discount leaves no fraction."""
    fewest: int
    most: int


PLANS = (
    _Plan("Starter", {"USD": 2900, "EUR": 2700, "GBP": 2400}, 5, 16),
    _Plan("Growth", {"USD": 5900, "EUR": 5500, "GBP": 4900}, 8, 30),
    _Plan("Scale", {"USD": 9900, "EUR": 9200, "GBP": 8400}, 14, 60),
    _Plan("Enterprise", {"USD": 12900, "EUR": 11900, "GBP": 10900}, 30, 400),
)


@dataclass(frozen=True)
class Segment:
    name: str
    employees: tuple[int, int]
    plans: tuple[int, ...]
    """The plans that they begin with, by position, the usual ones more often."""
    share: int


SEGMENTS = (
    Segment("Small business", (18, 79), (0, 0, 1), 7),
    Segment("Mid-market", (80, 499), (1, 1, 2), 9),
    Segment("Enterprise", (500, 4000), (2, 2, 3), 4),
)


@dataclass(frozen=True)
class Tongue:
    """What companies and people are called where a language is spoken."""

    companies: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


def _tongue(companies: str, first_names: str, last_names: str) -> Tongue:
    return Tongue(tuple(companies.split()), tuple(first_names.split()), tuple(last_names.split()))


_ENGLISH = _tongue(
    "Alderbrook Amberline Ashlarn Bellwick Birchholm Blackmoss Bluefern Brackenfold Brindlewick Brookpenny Calderay"
    " Candlemere Cinderhall Cobblemere Copperlea Corvane Dapplecroft Dovelund Driftholm Dunmarrow Eastmere Elmscar"
    " Emberlow Everreed Fableton Fallowgate Fennhollow Fernhythe Finchmoor Foxglade Gableford Glasswren Goldenrye"
    " Gorsehill Greyheron Halvorne Harrowmoss Hartlow Hazelrune Heathlark Hollowell Inkmoor Ironquay Ivorygate"
    " Junivale Kestrelby Kingsfern Kitewell Lakepenny Lanternfield Larkhollow Lowmarsh Lumenor Maplethorn Marlowick"
    " Merrowby Mistlebay Moorlight Mosswell Nettleford Nimbrook Northlarch Oakensby Orrinvale Osprello Otterly"
    " Overlark Pebblecrest Pinewhistle Plumbrook Quenmoor Quillhaven Redpoll Riddlesea Rivermint Rookwater Rowanlee"
    " Saltmere Sandreed Silverreed Sparrowhill Stonelark Summerlode Swiftmoor Tamberlin Tarnlight Thistlemoor"
    " Tidegrove Tumblewick Umberfield Underhythe Valderic Velmora Wetherlow Whinlark Willowquay Wrenfield Yarrowick"
    " Zephrine",
    "Aisha Amara Ben Caleb Chloe Daniel Elena Emily Farah Grace Hannah Imani Isaac Jamal Kofi Laura Leah Marcus Mateo"
    " Maya Naomi Nathan Olivia Owen Priya Ravi Rosa Samuel Sofia Theo Victor Wei Yusuf Zoe",
    "Abbott Adeyemi Bailey Bennett Brooks Chan Chowdhury Coleman Delgado Ellis Fletcher Flores Gallagher Grant Hughes"
    " Ibrahim Jennings Kapoor Kim Lawson Mensah Morales Murphy Nguyen Okonkwo Park Patel Quinn Ramirez Shaw Sinclair"
    " Tran Vasquez Whitaker",
)
_GERMAN = _tongue(
    "Eichholm Falkenried Grünquell Hasselbruck Kornblick Lindenfurt Morgenbach Nebelhorst Rabental Silberhag Tannquell"
    " Wolkenried",
    "Anke Björn Carla Florian Greta Hannes Jana Lukas Nele Stefan Ulrike Yasmin",
    "Albrecht Brandt Dietrich Fuchs Hartmann Keller Lorenz Neumann Seidel Vogt Winkler Yilmaz",
)
_FRENCH = _tongue(
    "Aubelune Clairmarne Fontvigne Lavandine Montcerf Noirval Perlaude Roselande Valbriac Vertlune",
    "Adèle Bastien Camille Éloïse Hugo Inès Julien Karim Manon Théo",
    "Aubert Blanchard Chevalier Diallo Fontaine Girard Lambert Moreau Roussel Vidal",
)
_DUTCH = _tongue(
    "Blauwdijk Duinhof Eikenzoom Grachtwijk Kievitlaan Molenbries Polderlicht Rietzoom Tulpwaard Zilvermeer",
    "Anouk Bram Daan Esmée Femke Jeroen Lotte Maarten Sanne Willem",
    "Bakker Brouwer Dekker Hendriks Kuiper Mulder Postma Smit Verhoeven Visser",
)
_SPANISH = _tongue(
    "Almendrera Brisaluz Cumbreluz Encinares Jaravalle Lunaverde Olivanto Piedrasol Solmarea Torrelinde",
    "Alba Bruno Carmen Diego Inés Javier Lucía Marta Nuria Pablo",
    "Aguilar Cabrera Domínguez Fuentes Iglesias Marín Navarro Ortega Serrano Vega",
)
_NORDIC = _tongue(
    "Björkdal Fjällbro Granholma Isvåg Lövskär Norrmyra Skogbris Tallhamn Ulvsund Vintersund",
    "Anders Astrid Elin Erik Freja Ingrid Jonas Linnea Nils Saga",
    "Bergman Dahl Ekström Forsberg Holm Lindgren Nyström Sandberg Viklund Åkesson",
)


@dataclass(frozen=True)
class Place:
    country: str
    currency: str
    tongue: Tongue
    owner: tuple[str, str]
    share: int


PLACES = (
    Place("United States", "USD", _ENGLISH, _DANA, 11),
    Place("Canada", "USD", _ENGLISH, _DANA, 2),
    Place("Australia", "USD", _ENGLISH, _DANA, 2),
    Place("Sweden", "USD", _NORDIC, _LIAM, 1),
    Place("United Kingdom", "GBP", _ENGLISH, _LIAM, 3),
    Place("Ireland", "EUR", _ENGLISH, _LIAM, 1),
    Place("Germany", "EUR", _GERMAN, _LIAM, 2),
    Place("France", "EUR", _FRENCH, _LIAM, 1),
    Place("Netherlands", "EUR", _DUTCH, _LIAM, 1),
    Place("Spain", "EUR", _SPANISH, _LIAM, 1),
)
INDUSTRIES = {
    "Education": ("Academy", "Learning", "Schools", "Tutors"),
    "Energy": ("Energy", "Grid", "Power", "Solar"),
    "Finance": ("Advisory", "Capital", "Insurance", "Lending"),
    "Healthcare": ("Clinics", "Dental", "Diagnostics", "Health"),
    "Hospitality": ("Catering", "Hotels", "Kitchens", "Resorts"),
    "Logistics": ("Freight", "Haulage", "Logistics", "Shipping"),
    "Manufacturing": ("Components", "Industries", "Tooling", "Works"),
    "Media": ("Media", "Pictures", "Press", "Studios"),
    "Retail": ("Goods", "Home", "Market", "Outfitters"),
    "Software": ("Apps", "Labs", "Software", "Systems"),
}
LADDER = {
    "Finance Manager": "VP Finance",
    "Operations Manager": "VP Operations",
    "Head of Sales": "Chief Revenue Officer",
    "Revenue Operations Lead": "VP Revenue Operations",
    "Customer Success Lead": "VP Customer Success",
    "IT Manager": "Chief Information Officer",
    "Data Lead": "VP Data",
}
"""What contacts are, and what each becomes when promoted."""
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
