async def test_the_hall_says_how_it_is(hall, autojump_clock):
    async with hall() as (_, client):
        health = await client.health()
        assert (health.status, health.connections) == ("ok", 1)
