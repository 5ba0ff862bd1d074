"""The names that columns and event types go by. All are compared in lower case without spaces and punctuation."""

import re

ROLE_NAMES: dict[str, list[str]] = {
    "user": (
        "userid user uid userno useridx usercode username visitorid visitor customerid customer custid customerno "
        "customernumber clientid client memberid member accountid account buyerid buyer shopperid reviewerid reviewer "
        "readerid playerid personid profileid uuid cookieid deviceid fullvisitorid usr iduser who"
    ).split(),
    "item": (
        "itemid item iid itemno itemcode movieid movie productid product productcode productno prodid stockcode sku asin "
        "parentasin articleid article trackid track songid song artistid artist bookid book isbn gameid game appid app "
        "videoid video newsid news contentid content goodsid goods courseid course jobid recipeid recipe restaurantid "
        "businessid venueid poiid locationid hotelid listingid offerid docid documentid animeid showid podcastid what "
        "iditem itm ean upc gtin"
    ).split(),
    "value": (
        "rating ratings score stars star overall ratingvalue userrating starrating bookrating grade mark value "
        "liked islike like dislike thumbs "
        "playcount plays listens listencount numplays viewcount clickcount count weight "
        "timespent duration dwell dwelltime watchtime watchratio playtime hours hoursplayed readingtime seconds preference"
    ).split(),
    "quantity": "quantity qty units unitssold amountofitems itemquantity orderquantity numitems pieces".split(),
    "timestamp": (
        "timestamp time ts datetime date eventtime eventdate eventtimestamp invoicedate orderdate ordertime "
        "purchasedate purchasetime transactiondate createdat created creationtime ratedat reviewtime reviewdate unixreviewtime "
        "unixtime when updatedat timeunix"
    ).split(),
    "type": "eventtype event type action actiontype behavior behaviour behaviortype interaction interactiontype "
    "feedbacktype verb activity".split(),
    "event_id": "eventid".split(),
    "impression_id": "impressionid".split(),
    "source": "source".split(),
    "order": "invoiceno invoice invoiceid invoicenumber orderid orderno ordernumber order basketid cartid receiptid "
    "transactionid billno".split(),
    "price": "price unitprice itemprice saleprice listprice cost".split(),
}
RATINGS = frozenset(
    "rating ratings score stars star overall ratingvalue userrating starrating bookrating grade mark preference".split()
)
LIKES = frozenset("liked islike like dislike thumbs".split())
SECONDS = frozenset(
    "timespent duration dwell dwelltime watchtime watchratio playtime hours hoursplayed readingtime seconds".split()
)
TITLES = frozenset(
    "title name itemname productname producttitle movietitle itemtitle description desc booktitle".split()
)
TEXTS = frozenset("text review reviewtext reviewbody body comment comments summary content headline".split())
LISTS = frozenset("genres genre categories category tags keywords topics categorycode labels".split())
ITEM_WORDS = (
    TITLES
    | LISTS
    | frozenset(
        "brand manufacturer year releaseyear releasedate imageurl url author authors publisher director actors color colour "
        "size department subcategory maincategory language price yearofpublication".split()
    )
)
USER_WORDS = frozenset(
    "country age gender sex occupation job zip zipcode postcode postalcode city region state birthdate birthyear income "
    "segment education maritalstatus nationality signupdate membershiplevel loyaltytier".split()
)
CONTEXT_WORDS = frozenset(
    "device platform os browser channel hour weekday dayofweek place location weather session sessionid position rank "
    "page referrer campaign app version daytime season mood companion tag tagid tagvalue day month".split()
)
TABLE_WORDS = {
    "items": "items item movies movie products product catalog catalogue books book artists artist articles tracks songs "
    "games goods meta metadata".split(),
    "users": "users user customers customer members member people visitors demographics".split(),
}

TYPES: dict[str, list[str]] = {
    "view": "view views viewed pageview pv page_view product_view detail detailview view_item impressionclick open "
    "watch watched listen listened play played read visit visited stream streamed".split(),
    "click": "click clicks clicked clickout click_item tap".split(),
    "cart": "cart addtocart add_to_cart basket addtobasket tocart carted".split(),
    "purchase": "purchase purchased buy bought order ordered transaction sale sold checkout conversion payment paid".split(),
    "return": "return returned refund refunded cancel cancelled canceled cancellation creditnote".split(),
    "rating": "rating rate rated".split(),
    "review": "review reviewed".split(),
    "like": "like liked love loved thumbsup thumbs_up up upvote favourite favorite fav favourited favorited bookmark "
    "wishlist addtowishlist save saved star starred follow".split(),
    "dislike": "dislike disliked thumbsdown thumbs_down down downvote hate".split(),
    "hide": "hide hidden dismiss dismissed skip skipped notinterested not_interested block".split(),
    "time_spent": "timespent time_spent dwell dwelltime duration watchtime".split(),
    "interaction": "interaction interact".split(),
}


def plain(name: str) -> str:
    """Return a name in lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", name).lower()


SYNONYM = {plain(word): kind for kind, found in TYPES.items() for word in found}


def snake(name: str) -> str:
    """Return a name as a canonical attribute name: UnitPrice and "unit price" become unit_price."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.strip())
    return re.sub(r"[\W_]+", "_", apart).strip("_").lower() or "column"
