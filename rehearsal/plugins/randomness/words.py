"""Words for the names that ``RandomPet`` makes: two lists of the project's own, short and harmless."""

from typing import Final

_DESCRIPTIONS = """
able ample azure brave brief bright brisk broad calm candid careful clear clever cosy crisp curious daring deft eager
early easy elder exact fair fancy fleet fluent fond frank fresh gentle glad golden grand green happy hardy honest
humble ideal jolly joyful keen kind large lively loyal lucid lucky mellow merry mighty mild modest neat nimble noble
open patient plain pleasant polite prime proper proud quick quiet rapid ready rich rosy round royal serene sharp shiny
silent silver simple sincere smart smooth snug sober solid speedy steady sturdy subtle sunny sweet swift tall tender
tidy tranquil trusty upbeat valid vivid warm wise witty young zesty
"""

_ANIMALS = """
adder albatross alpaca badger beaver bee bison boar bobcat buzzard camel canary caribou cat cheetah chinchilla cod
condor cormorant cow coyote crab crane cricket crow cuckoo curlew deer dingo dolphin donkey dove duck eagle egret
eland elk emu falcon ferret finch fox frog gazelle gecko gibbon giraffe gnu goat goose grouse gull hare hawk hedgehog
heron hippo horse ibex ibis iguana impala jackal jaguar jay kestrel kite kiwi koala lark lemur leopard linnet llama
lobster lynx magpie mallard marten mole moose moth mouse newt okapi orca osprey otter owl ox panda parrot penguin
perch pigeon pike plover pony puffin puma quail rabbit raven robin rook salmon seal shrew skylark sloth snipe sparrow
squid stoat stork swallow swan swift tapir tern thrush tiger toad trout turtle viper vole walrus weasel whale wombat
wren yak zebra
"""

DESCRIPTIONS: Final = tuple(_DESCRIPTIONS.split())
ANIMALS: Final = tuple(_ANIMALS.split())
