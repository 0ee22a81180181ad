"""Words that signs, shops and receipts use, and syllables for words nobody has seen."""

from random import Random

_SIGNS = """\
about above after all always and any art arts avenue bank bar beach beauty best beyond bike
black blue board book books bread bridge building bus business cafe car care cars center
central centre change channel check church city class clean clear closed club coast coffee
college come community company complete cool country court cream cut daily danger day days
deal design direct discount doctor door down dream dress drive east easy education electric
emergency energy engineering enjoy enter entrance event every exit express family fashion fast
festival film find fine fire first fish fitness flowers food for forest free fresh friends
from fruit fun furniture future garden gas gate general gift girls glass global go gold good
great green group guest hair hall hand happy health heart help here high home hospital hot
hotel house how ice india information inn insurance international into island jewellery job
just keep kids king kitchen lake lane laundry law left legal less library life light limit
line live local london love low lunch made magazine main mall man market master may media
medical meet metro milk mobile money more motor mountain museum music national natural new
news next night no north not now of off office oil old on one only open optical orange our
out over palace paper park parking party pass people pet pharmacy phone photo pizza place
plan plaza please plus point police pool post power press price private product professional
public pull push quality quick quiet radio railway real red rent repair rest restaurant rice
right river road room royal safe sale salon save school science sea search security service
shoes shop show silver simple slow smart smoking snow social solutions south space speed
sport spring square stand star state station stop storage store street student studio style
sun super supply sweet system tax tea team technology temple test thank that the theatre this
ticket time to toilets tools tour town toys trade traffic train travel tree trust two under
union university up us vegetable video village vision visit wait walk warning watch water way
we wear wedding week welcome west what where white wild win wine winter with women wood work
world year yellow yes you young your zone zoo
"""
SIGNS = tuple(_SIGNS.split())
_RECEIPTS = """\
adjustment amount balance barcode bhd bill box branch cash cashier change charge co code
copy counter credit customer date debit delivery desc description disc document due excl
exchange goods grand gst guest id incl inclusive inv invoice item items jalan kuala lot ltd
lumpur member merchant mr net no number operator order outlet owing paid payable payment pcs
phone price qty receipt ref reference refund reg register restaurant returnable rm rounded
rounding round sales sdn selangor server service shop sold sr staff subtotal sub sum summary
table taman tax tel tendered terminal thank time total trading transaction trx uom unit us
vat visa void x zero
"""
RECEIPTS = tuple(_RECEIPTS.split())

_STARTS = (
    "b br c ch cl cr d dr f fl g gr h j k l m n p ph pl pr qu r s sc sh sl sp st t th tr v w y z"
)
_VOWELS = "a e i o u a e i o ai ea ee ou oa io au y"
_ENDS = "b ck d f g l ll m n nd ng nt p r rd rk rn s ss st t th x ct mp sh"
STARTS, VOWELS, ENDS = (tuple(part.split()) for part in (_STARTS, _VOWELS, _ENDS))


def word(rng: Random, known: tuple[str, ...]) -> str:
    """A word in small letters: seven in ten from `known`, else one that sounds like a word."""
    if rng.random() < 0.7:
        return rng.choice(known)
    syllables = rng.choice((1, 2, 2, 3, 3, 4))
    return "".join(_syllable(rng) for _ in range(syllables))


def _syllable(rng: Random) -> str:
    start = rng.choice(STARTS) if rng.random() < 0.85 else ""
    end = rng.choice(ENDS) if rng.random() < 0.45 else ""
    return start + rng.choice(VOWELS) + end
