"""One folder per platform that takes items by API, named as the channel whose feeds it takes (`feeds.push.platform`)."""

NEEDS = ("manifest", "revision", "waits", "configure")
