"""The names that columns and event types go by. All are compared in lower case without spaces and punctuation."""

import re


def _of(words: str) -> list[str]:
    return words.split()


ROLE_NAMES: dict[str, list[str]] = {
    "user": _of(
        "userid user uid userno useridx usercode username visitorid visitor customerid customer custid customerno "
        "customernumber clientid client memberid member accountid account buyerid buyer shopperid reviewerid "
        "reviewer readerid playerid personid profileid uuid cookieid deviceid fullvisitorid usr iduser who "
        "kundennummer kundennr kundenid kunde nutzerid nutzer benutzerid benutzer idclient numeroclient utilisateur "
        "idcliente cliente usuario"
    ),
    "item": _of(
        "itemid item iid itemno itemcode movieid movie productid product productcode productno prodid stockcode "
        "sku asin parentasin articleid article trackid track songid song artistid artist bookid book isbn gameid "
        "game appid app videoid video newsid news contentid content goodsid goods courseid course jobid recipeid "
        "recipe restaurantid businessid venueid poiid locationid hotelid listingid offerid docid documentid "
        "animeid showid podcastid what iditem itm ean upc gtin artikelnummer artikelnr artikelid artikel produktnummer "
        "produktid produkt idproduit produit idproducto producto articulo"
    ),
    "value": _of(
        "rating ratings score stars star overall ratingvalue userrating starrating bookrating grade mark value "
        "liked islike like dislike thumbs playcount plays listens listencount numplays viewcount clickcount count "
        "weight timespent duration dwell dwelltime watchtime watchratio playtime hours hoursplayed readingtime "
        "seconds preference"
    ),
    "quantity": _of(
        "quantity qty units unitssold amountofitems itemquantity orderquantity numitems pieces menge anzahl "
        "stückzahl quantité quantite cantidad"
    ),
    "timestamp": _of(
        "timestamp time ts datetime date eventtime eventdate eventtimestamp invoicedate orderdate ordertime "
        "purchasedate purchasetime transactiondate createdat created creationtime ratedat reviewtime reviewdate "
        "unixreviewtime unixtime when updatedat timeunix zeitpunkt zeitstempel bestelldatum rechnungsdatum kaufdatum "
        "datum datecommande fecha"
    ),
    "type": _of(
        "eventtype event type action actiontype behavior behaviour behaviortype interaction interactiontype "
        "feedbacktype verb activity"
    ),
    "event_id": ["eventid"],
    "impression_id": ["impressionid"],
    "source": ["source"],
    "order": _of(
        "invoiceno invoice invoiceid invoicenumber orderid orderno ordernumber order basketid cartid receiptid "
        "transactionid billno bestellnummer bestellnr bestellung rechnungsnummer rechnungsnr rechnung commande facture "
        "pedido factura"
    ),
    "price": _of("price unitprice itemprice saleprice listprice cost preis einzelpreis stückpreis prix precio"),
}
RATINGS = frozenset(
    _of("rating ratings score stars star overall ratingvalue userrating starrating bookrating grade mark preference")
)
LIKES = frozenset(_of("liked islike like dislike thumbs"))
SECONDS = frozenset(
    _of("timespent duration dwell dwelltime watchtime watchratio playtime hours hoursplayed readingtime seconds")
)
TITLES = frozenset(
    _of(
        "title name itemname productname producttitle movietitle itemtitle description desc booktitle titel "
        "bezeichnung artikelname produktname titre designation désignation libellé titulo título descripcion "
        "descripción"
    )
)
TEXTS = frozenset(_of("text review reviewtext reviewbody body comment comments summary content headline"))
LISTS = frozenset(
    _of(
        "genres genre categories category tags keywords topics categorycode labels kategorie kategorien "
        "catégorie categoria categoría"
    )
)
ITEM_WORDS = (
    TITLES
    | LISTS
    | frozenset(
        _of(
            "brand manufacturer year releaseyear releasedate imageurl url author authors publisher director actors "
            "color colour size department subcategory maincategory language price yearofpublication"
        )
    )
)
USER_WORDS = frozenset(
    _of(
        "country age gender sex occupation job zip zipcode postcode postalcode city region state birthdate "
        "birthyear income segment education maritalstatus nationality signupdate membershiplevel loyaltytier "
        "land alter geschlecht plz ort pays ville país ciudad"
    )
)
CONTEXT_WORDS = frozenset(
    _of(
        "device platform os browser channel hour weekday dayofweek place location weather session sessionid "
        "position rank page referrer campaign app version daytime season mood companion tag tagid tagvalue day "
        "month"
    )
)
KNOWN = frozenset(w for found in ROLE_NAMES.values() for w in found) | ITEM_WORDS | USER_WORDS | CONTEXT_WORDS | TEXTS
KNOWN |= {"id"}
TABLE_WORDS = {
    "items": _of(
        "items item movies movie products product catalog catalogue books book artists artist articles tracks "
        "songs games goods meta metadata"
    ),
    "users": _of("users user customers customer members member people visitors demographics"),
}

TYPES: dict[str, list[str]] = {
    "view": _of(
        "view views viewed pageview pv page_view product_view detail detailview view_item impressionclick open "
        "watch watched listen listened play played read visit visited stream streamed"
    ),
    "click": _of("click clicks clicked clickout click_item tap"),
    "cart": _of("cart addtocart add_to_cart basket addtobasket tocart carted"),
    "purchase": _of(
        "purchase purchased buy bought order ordered transaction sale sold checkout conversion payment paid"
    ),
    "return": _of("return returned refund refunded cancel cancelled canceled cancellation creditnote"),
    "rating": _of("rating rate rated"),
    "review": _of("review reviewed"),
    "like": _of(
        "like liked love loved thumbsup thumbs_up up upvote favourite favorite fav favourited favorited bookmark "
        "wishlist addtowishlist save saved star starred follow"
    ),
    "dislike": _of("dislike disliked thumbsdown thumbs_down down downvote hate"),
    "hide": _of("hide hidden dismiss dismissed skip skipped notinterested not_interested block"),
    "time_spent": _of("timespent time_spent dwell dwelltime duration watchtime"),
    "interaction": _of("interaction interact"),
}


def plain(name: str) -> str:
    """Return a name in lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", name).lower()


def slip(name: str, word: str) -> bool:
    """Whether a name is a word of 7 letters or more but for one: missing, too many, another, or two swapped."""
    if len(word) < 7 or name == word:
        return False
    i = next((i for i, (a, b) in enumerate(zip(name, word, strict=False)) if a != b), min(len(name), len(word)))
    a, b = name[i:], word[i:]
    return a == b[1:] or a[1:] == b or a[1:] == b[1:] or (a[:2] == b[:2][::-1] and a[2:] == b[2:])


SYNONYM = {plain(word): kind for kind, found in TYPES.items() for word in found}


def snake(name: str) -> str:
    """Return a name as a canonical attribute name: UnitPrice and "unit price" become unit_price."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.strip())
    return re.sub(r"[\W_]+", "_", apart).strip("_").lower() or "column"
