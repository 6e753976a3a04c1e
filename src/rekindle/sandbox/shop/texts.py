"""The shop's words, in English and Polish."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency

from rekindle.model.product import Product

LANGUAGES = ("pl", "en")

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "tagline": "Gear for people who walk uphill", "intro": "Made for the Tatras, the Bieszczady and rainy Sundays.",
 "popular": "What others take along", "search": "Search", "cart": "Cart",
        "no_results": "Nothing found. Try a shorter word.", "results": "Search results", "add": "Add to cart",
        "sold_out": "Sold out", "in_stock": "In stock, sent within 24 hours", "variant": "Choose a version",
        "quantity": "Quantity", "empty": "The cart is empty.", "continue": "Continue shopping", "remove": "Remove",
        "total": "Total", "checkout": "Checkout", "delivery": "Delivery and payment", "name": "Name",
        "email": "E-mail", "phone": "Phone", "city": "City", "postal_code": "Postal code", "street": "Street",
        "pay": "Order and pay", "email_wrong": "Please give an e-mail address such as anna@example.com.",
        "thanks": "Thank you for your order", "order": "Order", "thanks_text": "This is a demo shop: nothing was charged and nothing will be sent.",
        "not_found": "There is no such page", "home": "Home", "ad": "Advertisement", "other": "Polski",
        "consent_title": "Cookies and advertising",
        "consent_text": "With your agreement we remember what you looked at, to measure this shop and to show you ads that fit. You can refuse, and change your mind at any time.",
        "accept": "Accept all", "refuse": "Refuse all", "settings": "Settings", "save": "Save my choice",
        "c_analytics": "Measurement", "c_ads": "Advertising", "c_personal": "Personal ads", "change": "Cookie settings",
        "demo": "A demonstration shop. Products, prices and people are made up.", "skip": "Skip to the content",
        "page": "Page", "menu": "Categories",
    },
    "pl": {
        "tagline": "Sprzęt dla tych, którzy idą pod górę", "intro": "Na Tatry, Bieszczady i deszczowe niedziele.",
 "popular": "Inni zabierają", "search": "Szukaj", "cart": "Koszyk",
        "no_results": "Nic nie znaleziono. Spróbuj krótszego słowa.", "results": "Wyniki wyszukiwania", "add": "Dodaj do koszyka",
        "sold_out": "Wyprzedane", "in_stock": "Na stanie, wysyłka w 24 godziny", "variant": "Wybierz wersję",
        "quantity": "Liczba sztuk", "empty": "Koszyk jest pusty.", "continue": "Wróć do zakupów", "remove": "Usuń",
        "total": "Razem", "checkout": "Do kasy", "delivery": "Dostawa i płatność", "name": "Imię i nazwisko",
        "email": "E-mail", "phone": "Telefon", "city": "Miejscowość", "postal_code": "Kod pocztowy", "street": "Ulica",
        "pay": "Zamawiam i płacę", "email_wrong": "Podaj adres e-mail, na przykład anna@example.com.",
        "thanks": "Dziękujemy za zamówienie", "order": "Zamówienie", "thanks_text": "To sklep pokazowy: nic nie pobrano i nic nie wyślemy.",
        "not_found": "Nie ma takiej strony", "home": "Strona główna", "ad": "Reklama", "other": "English",
        "consent_title": "Ciasteczka i reklama",
        "consent_text": "Za Twoją zgodą zapamiętamy, co oglądasz, aby mierzyć ruch w sklepie i pokazywać pasujące reklamy. Możesz odmówić, a zdanie zmienić w każdej chwili.",
        "accept": "Zgadzam się na wszystko", "refuse": "Odmawiam", "settings": "Ustawienia", "save": "Zapisz wybór",
        "c_analytics": "Pomiar", "c_ads": "Reklama", "c_personal": "Reklamy dopasowane", "change": "Ustawienia ciasteczek",
        "demo": "Sklep pokazowy. Produkty, ceny i osoby są zmyślone.", "skip": "Przejdź do treści",
        "page": "Strona", "menu": "Kategorie",
    },
}  # fmt: skip

_CATEGORIES = {
    "Tents": "Namioty", "Backpacks": "Plecaki", "Sleeping": "Spanie", "Clothing": "Odzież", "Footwear": "Buty",
    "Kitchen": "Kuchnia", "Lighting": "Światło", "Accessories": "Akcesoria", "Other": "Inne",
}  # fmt: skip


def category_name(name: str, language: str) -> str:
    """Return a category's name in ``language``, as it is where no translation is known."""
    return _CATEGORIES.get(name, name) if language == "pl" else name


def title(product: Product, language: str) -> str:
    """Return the product's title in ``language``, in the catalogue's own where it has no other."""
    return product.attributes.get(f"title_{language}") or product.title


def description(product: Product, language: str) -> str:
    """Return the product's description in ``language``, or the catalogue's own, or nothing."""
    return product.attributes.get(f"description_{language}") or product.description or ""


def money(amount: Decimal, currency: str, language: str) -> str:
    """Return an amount as people of that language write it, such as ``1 099,00 zł`` or ``PLN 1,099.00``."""
    if language == "pl":
        return format_currency(amount, currency, locale="pl_PL")
    return format_currency(amount, currency, "¤¤\xa0#,##0.00", locale="en_GB")
