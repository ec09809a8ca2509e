"""`python -m infra up|down|status|logs|clean`: the stack behind the pipeline."""

import sys

from infra.config import load_config
from infra.errors import StackError
from infra.stack import Stack


def main() -> int:
    stack = Stack(load_config())
    try:
        match sys.argv[1]:
            case "up":
                stack.up()
            case "down":
                stack.down()
            case "clean":
                stack.clean()
            case "status":
                for s in stack.status():
                    print(s)
    except StackError as error:
        print(f"hedgehog: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
