"""Invented tracking data of two short halves, in the formats of five providers."""

import json

import numpy as np

HOME = (1, 2, 3)  # shirt numbers
AWAY = (1, 4)
PEOPLE = len(HOME) + len(AWAY)
FIRST_FRAME = {1: 10000, 2: 100000}  # as Sportec has them, at 25 frames per second


def walk(seconds, rate, seed=0):
    """Two halves of people and ball: [F, n + 1, 2] each, metres from the centre, y upward.

    The last person of the away team comes late, and the ball is not known for a while.
    """
    rng = np.random.default_rng(seed)
    frames = int(seconds * rate) + 1
    halves = []
    for side in (1, -1):
        start = np.array([(-45, 2), (-20, 15), (-5, -25), (44, 0), (18, -9), (3, 7)], float)
        steps = rng.normal(0, 1.5 / rate, (frames, PEOPLE + 1, 2))
        places = np.round(side * start + np.cumsum(steps, axis=0), 2)
        places[: frames // 3, PEOPLE - 1] = np.nan
        places[frames // 2 : frames // 2 + 3, PEOPLE] = np.nan
        halves.append(places)
    return halves


def skillcorner(folder, halves, length=105, width=68):
    """At 10 frames per second: the description and the positions."""
    numbers = [*HOME, *AWAY]
    players = [
        {"trackable_object": k, "team_id": 7 if k < len(HOME) else 8, "id": 50 + k,
         "number": numbers[k], "first_name": "A", "last_name": f"B{k}",
         "start_time": "00:00:00", "player_role": {"id": 2}}
        for k in range(PEOPLE)
    ]  # fmt: skip
    description = {
        "players": players, "referees": [], "ball": {"trackable_object": 99},
        "pitch_length": length, "pitch_width": width, "home_team_score": 0, "away_team_score": 0,
        "home_team": {"id": 7, "name": "Ours"}, "away_team": {"id": 8, "name": "Theirs"},
    }  # fmt: skip
    frames = []
    for period, places in enumerate(halves, 1):
        for row, at in enumerate(places):
            minutes, seconds = divmod(row / 10 + (period - 1) * 45 * 60, 60)
            seen = [
                {"x": x, "y": y, "trackable_object": k if k < PEOPLE else 99, "track_id": k}
                for k, (x, y) in enumerate(at.tolist())
                if x == x
            ]
            frames.append({
                "frame": len(frames), "period": period, "data": seen,
                "time": f"{int(minutes)}:{seconds:05.2f}", "possession": {"group": "home team"},
            })  # fmt: skip
    paths = folder / "match.json", folder / "structured.json"
    for path, content in zip(paths, (description, frames), strict=True):
        path.write_text(json.dumps(content))
    return list(paths)


def sportec(folder, halves, length=105, width=68):
    """At 25 frames per second."""

    def team(role, numbers):
        players = "".join(
            f'<Player PersonId="{role}-{n}" ShirtNumber="{n}" FirstName="A" LastName="B" '
            f'Shortname="A. B" Starting="true" PlayingPosition="TW" TeamLeader="false"/>'
            for n in numbers
        )
        return (
            f'<Team TeamId="{role}" TeamName="{role}" Role="{role}"><Players>{players}</Players>'
            '<TrainerStaff><Trainer PersonId="t" Shortname="T" Role="headcoach"/></TrainerStaff>'
            "</Team>"
        )

    time = "2021-01-01T15:00:00.000+01:00"
    description = (
        "<PutDataRequest><MatchInformation>"
        f'<General KickoffTime="{time}" MatchDay="1" MatchId="M" Result="0:0"/>'
        f'<Environment PitchX="{length}" PitchY="{width}"/>'
        f"<Teams>{team('home', HOME)}{team('guest', AWAY)}</Teams>"
        '<OtherGameInformation TotalTimeFirstHalf="60000" TotalTimeSecondHalf="60000"/>'
        "</MatchInformation></PutDataRequest>"
    )
    names = [*(("home", f"home-{n}") for n in HOME), *(("guest", f"guest-{n}") for n in AWAY),
             ("BALL", "ball")]  # fmt: skip
    sets = []
    for period, places in enumerate(halves, 1):
        section = ("firstHalf", "secondHalf")[period - 1]
        for k, (role, person) in enumerate(names):
            frames = "".join(
                f'<Frame N="{FIRST_FRAME[period] + row}" T="{time}" X="{x}" Y="{y}" Z="0" '
                f'S="0" M="1" BallPossession="1" BallStatus="1"/>'
                for row, (x, y) in enumerate(places[:, k].tolist())
                if x == x or role == "BALL"
            )
            sets.append(
                f'<FrameSet GameSection="{section}" MatchId="M" TeamId="{role}" '
                f'PersonId="{person}">{frames}</FrameSet>'
            )
    positions = f"<PutDataRequest><Positions>{''.join(sets)}</Positions></PutDataRequest>"
    paths = folder / "information.xml", folder / "positions.xml"
    for path, text in zip(paths, (description, positions), strict=True):
        path.write_text(text)
    return list(paths)


def tracab(folder, halves, length=105, width=68):
    """At 25 frames per second, in centimetres; the ball is always somewhere."""
    ends = {
        period: FIRST_FRAME[period] + len(places) - 1 for period, places in enumerate(halves, 1)
    }
    phases = "".join(
        f"<Phase{p}StartFrame>{FIRST_FRAME.get(p, 0)}</Phase{p}StartFrame>"
        f"<Phase{p}EndFrame>{ends.get(p, 0)}</Phase{p}EndFrame>"
        for p in (1, 2, 3, 4, 5)
    )
    description = (
        f"<root><GameID>1</GameID><FrameRate>25</FrameRate>"
        f"<PitchShortSide>{100 * width}</PitchShortSide><PitchLongSide>{100 * length}"
        f"</PitchLongSide><Kickoff>2021-01-01 15:00:00</Kickoff>{phases}</root>"
    )
    people = [*((1, n) for n in HOME), *((0, n) for n in AWAY)]
    lines = []
    for period, places in enumerate(halves, 1):
        for row, at in enumerate(np.nan_to_num(100 * places, nan=9e6).round().astype(int).tolist()):
            seen = "".join(
                f"{team},{k},{number},{x},{y},0.00;"
                for k, ((team, number), (x, y)) in enumerate(zip(people, at[:-1], strict=True))
                if x < 9e6
            )
            x, y = at[-1]
            lines.append(f"{FIRST_FRAME[period] + row}:{seen}:{x},{y},0,0.00,H,Alive;:")
    paths = folder / "match.xml", folder / "positions.dat"
    for path, text in zip(paths, (description, "\n".join(lines)), strict=True):
        path.write_text(text)
    return list(paths)


def metrica(folder, halves, length=105, width=68):
    """At 25 frames per second, as shares of the pitch from where kloppy sees their origin."""
    paths = []
    for side, numbers, first in (("Home", HOME, 0), ("Away", AWAY, len(HOME))):
        columns = [*range(first, first + len(numbers)), PEOPLE]
        lines = [
            ",,," + f"{side},," * len(numbers) + ",",
            ",,," + "".join(f"{n},," for n in numbers) + ",",
            "Period,Frame,Time [s]," + "".join(f"Player{n},," for n in numbers) + "Ball,",
        ]
        frame = 0
        for period, places in enumerate(halves, 1):
            for at in places[:, columns]:
                frame += 1
                shares = np.stack([at[:, 0] / length + 0.5, at[:, 1] / width + 0.5], axis=1)
                cells = ",".join("NaN" if c != c else f"{c:.6f}" for c in shares.ravel().tolist())
                lines.append(f"{period},{frame},{frame / 25:.2f},{cells}")
        paths.append(folder / f"{side}.csv")
        paths[-1].write_text("\n".join(lines))
    return paths


def hawk_eye(folder, halves, length=105, width=68):
    """At 25 frames per second: ball and centroids of the first minute of each half, and a size."""

    def name(number):
        return {"heId": f"id-{number}"}

    roles = [*((n, 7) for n in HOME), *((n, 8) for n in AWAY)]
    players = [
        {"id": name(k), "teamId": name(team), "jerseyNumber": str(n), "role": {"name": "Defender"}}
        for k, (n, team) in enumerate(roles)
    ]
    teams = [{"id": name(team), "name": "T", "home": team == 7} for team in (7, 8)]
    time = "2024-01-01T10:00:00.000Z"
    segments = [{"segment": s, "startTimeUTC": time, "endTimeUTC": time} for s in (1, 2)]
    paths = []
    for period, places in enumerate(halves, 1):
        minute = 1 if period == 1 else 46
        shared = {"sequences": {"segment": period, "match-minute": minute}}
        times = (np.arange(len(places)) / 25 + 1e-6).tolist()  # to be cut to a whole frame
        ball = [
            {"time": t, "pos": [x, y, 0], "speed": {"mps": 0}}
            for t, (x, y) in zip(times, places[:, PEOPLE].tolist(), strict=True)
            if x == x
        ]
        people = [
            {"personId": name(k), "role": {"name": "Outfielder"}, "centroid": [
                {"time": t, "pos": [x, y], "distance": {"metres": 0}, "speed": {"mps": 0}}
                for t, (x, y) in zip(times, places[:, k].tolist(), strict=True)
                if x == x
            ]}
            for k in range(PEOPLE)
        ]  # fmt: skip
        details = {"teams": teams, "match": {"id": name(0)}}
        for kind, content in (
            ("ball", {"details": details, "segments": segments, "samples": {"ball": ball}}),
            ("centroids", {"details": {"players": players}, "samples": {"people": people}}),
        ):
            paths.append(folder / f"{period}_{minute}.samples.{kind}")
            paths[-1].write_text(json.dumps({**shared, **content}, indent=1))
    size = {"MatchDay": "1", "Stadium": {"PitchLength": length, "PitchWidth": width}}
    paths.append(folder / "match.json")
    paths[-1].write_text(json.dumps(size))
    return paths
