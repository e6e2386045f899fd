"""Emoji by their names: enough for what people type into a demo; any other name is shown as it was written."""

import re

NAME = re.compile(r":([a-z0-9_+-]{2,40}):")
CODE = re.compile(r"[0-9a-f]{2,5}(-[0-9a-f]{2,5})*")
# fmt: off
PICTURES = {
    # Faces and hands
    "wave": "👋", "clap": "👏", "pray": "🙏", "raised_hands": "🙌", "muscle": "💪", "handshake": "🤝", "ok_hand": "👌",
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "point_right": "👉", "point_down": "👇", "eyes": "👀",
    "smile": "😄", "slightly_smiling_face": "🙂", "grinning": "😀", "joy": "😂", "sweat_smile": "😅", "wink": "😉",
    "thinking_face": "🤔", "sunglasses": "😎", "heart_eyes": "😍", "cry": "😢", "sob": "😭", "scream": "😱",
    "partying_face": "🥳", "exploding_head": "🤯", "face_with_monocle": "🧐", "salute": "🫡", "robot_face": "🤖",
    # Celebration and nature
    "tada": "🎉", "confetti_ball": "🎊", "trophy": "🏆", "medal": "🏅", "first_place_medal": "🥇", "gift": "🎁",
    "rocket": "🚀", "fire": "🔥", "star": "⭐", "star2": "🌟", "sparkles": "✨", "zap": "⚡", "boom": "💥",
    "sunny": "☀️", "cloud": "☁️", "rainbow": "🌈", "snowflake": "❄️", "seedling": "🌱", "evergreen_tree": "🌲",
    "champagne": "🍾", "clinking_glasses": "🥂", "coffee": "☕", "birthday": "🎂", "pizza": "🍕",
    # Signs
    "warning": "⚠️", "white_check_mark": "✅", "heavy_check_mark": "✔️", "ballot_box_with_check": "☑️", "x": "❌",
    "no_entry": "⛔", "no_entry_sign": "🚫", "question": "❓", "exclamation": "❗", "grey_question": "❔",
    "information_source": "ℹ️", "heavy_plus_sign": "➕", "heavy_minus_sign": "➖", "recycle": "♻️", "new": "🆕",
    "arrow_up": "⬆️", "arrow_down": "⬇️", "arrow_right": "➡️", "arrow_left": "⬅️", "arrow_upper_right": "↗️",
    "arrow_lower_right": "↘️", "arrows_counterclockwise": "🔄", "repeat": "🔁", "small_red_triangle": "🔺",
    "small_red_triangle_down": "🔻", "red_circle": "🔴", "large_orange_circle": "🟠", "large_yellow_circle": "🟡",
    "large_green_circle": "🟢", "large_blue_circle": "🔵", "white_circle": "⚪", "black_circle": "⚫",
    "heart": "❤️", "green_heart": "💚", "broken_heart": "💔", "100": "💯",
    # Work
    "bell": "🔔", "no_bell": "🔕", "mega": "📣", "loudspeaker": "📢", "email": "✉️", "envelope": "✉️", "inbox_tray": "📥",
    "outbox_tray": "📤", "package": "📦", "memo": "📝", "pencil2": "✏️", "clipboard": "📋", "pushpin": "📌",
    "paperclip": "📎", "link": "🔗", "lock": "🔒", "unlock": "🔓", "key": "🔑", "mag": "🔍", "bulb": "💡", "gear": "⚙️",
    "wrench": "🔧", "hammer": "🔨", "hammer_and_wrench": "🛠️", "bug": "🐛", "test_tube": "🧪", "shield": "🛡️",
    "calendar": "📆", "date": "📅", "spiral_calendar_pad": "🗓️", "clock9": "🕘", "alarm_clock": "⏰", "stopwatch": "⏱️",
    "hourglass": "⌛", "hourglass_flowing_sand": "⏳", "zzz": "💤", "bar_chart": "📊",
    "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "moneybag": "💰", "dollar": "💵",
    "euro": "💶", "pound": "💷", "money_with_wings": "💸", "credit_card": "💳", "receipt": "🧾", "briefcase": "💼",
    "office": "🏢", "handbag": "👜", "shopping_trolley": "🛒", "shopping_cart": "🛒", "label": "🏷️",
    "bust_in_silhouette": "👤", "busts_in_silhouette": "👥", "speech_balloon": "💬", "thought_balloon": "💭",
    "phone": "☎️", "telephone_receiver": "📞", "iphone": "📱", "computer": "💻", "globe_with_meridians": "🌐",
    "earth_africa": "🌍", "flag-de": "🇩🇪", "flag-us": "🇺🇸", "flag-gb": "🇬🇧", "flag-fr": "🇫🇷", "flag-jp": "🇯🇵",
}
# fmt: on


def drawn(name: str, code: str = "") -> str:
    """Return the character of an emoji: by its name, else by the code points that Slack sends (`1f44b-1f3fd`)."""
    if name in PICTURES:
        return PICTURES[name]
    return "".join(chr(int(part, 16)) for part in code.split("-")) if CODE.fullmatch(code) else f":{name}:"


def with_pictures(text: str) -> str:
    """Replace the names between colons that are known."""
    return NAME.sub(lambda found: PICTURES.get(found[1], found[0]), text)
